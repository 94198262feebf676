/* Puts the page together: one run, or two to switch between; drawn again when the theme changes. */
const { runs } = JSON.parse(document.getElementById('data').textContent);
let shown = 0;

function showRun(index) {
  shown = index;
  drawCharts(runs[index]);
  drawMap(runs[index]);
}

if (runs.length > 1) {
  const tabs = document.getElementById('runs');
  tabs.hidden = false;
  runs.forEach(({ label: text }, index) => {
    const button = element('button', { type: 'button', 'aria-pressed': String(index === 0) }, text);
    button.addEventListener('click', () => {
      for (const other of tabs.children) other.setAttribute('aria-pressed', String(other === button));
      showRun(index);
    });
    tabs.append(button);
  });
}
showRun(0);
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => showRun(shown));
