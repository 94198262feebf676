/* How the page writes numbers and makes elements. Everything on the page is text: nothing is ever parsed as HTML. */
const FULL = new Intl.NumberFormat('en-US');
const SHORT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** `1,234,567` */
function full(n) {
  return FULL.format(n);
}

/** `1.2M` */
function short(n) {
  return SHORT.format(n);
}

/** `12.5 MiB` of so many pages. */
function pagesAsBytes(pages) {
  const names = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = pages * 4;
  let unit = 0;
  while (value >= 1024 && unit < names.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${names[unit]}`;
}

/** `copyOnWrite` as `copy on write`; `PROTECTION_VMA` stays. */
function words(name) {
  return /[a-z]/.test(name) ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`) : name;
}

/** An element with attributes and children; strings become text. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A colour of the style sheet, as it is in the theme that shows now. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Rows of a table at most: browsers stop answering long before a million. */
const MOST_TABLE_ROWS = 5000;

/** A table for those who cannot or do not want to look at a picture. */
function numbersTable(title, heads, rows) {
  const cells = (tag, values) =>
    values.map((value, index) => element(index === 0 ? 'th' : tag, index === 0 ? { scope: 'row' } : {}, value));
  const table = element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...heads.map((head) => element('th', { scope: 'col' }, head)))),
    element('tbody', {}, ...rows.slice(0, MOST_TABLE_ROWS).map((row) => element('tr', {}, ...cells('td', row)))),
  );
  const left = rows.length - MOST_TABLE_ROWS;
  return element(
    'details',
    {},
    element(
      'summary',
      {},
      left > 0 ? `${title} (the first ${full(MOST_TABLE_ROWS)} of ${full(rows.length)} rows)` : title,
    ),
    element('div', { class: 'scroll', tabindex: '0' }, table),
  );
}
