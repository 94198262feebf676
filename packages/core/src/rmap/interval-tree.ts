/**
 * Intervals of page indexes, searchable by overlap: `i_mmap` of a file and the tree of an anon_vma. A treap ordered by
 * first index, augmented with the greatest last index below; priorities come from the insertion number, so that the
 * shape, and with it the order of a walk, is the same in every run. Mirrors `mm/interval_tree.c`.
 */
interface Node<T> {
  readonly first: number;
  readonly last: number;
  readonly number: number;
  readonly priority: number;
  readonly value: T;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
  maxLast: number;
}

export class IntervalTree<T> {
  size = 0;
  private root: Node<T> | undefined;
  private readonly nodes = new Map<T, Node<T>>();
  private inserted = 0;

  /** Adds `value` over `[first, last]`; a value is in the tree once. */
  insert(value: T, first: number, last: number): void {
    const number = this.inserted++;
    const priority = Math.imul(number + 1, 0x9e3779b1) >>> 0;
    const node: Node<T> = { first, last, number, priority, value, left: undefined, right: undefined, maxLast: last };
    this.nodes.set(value, node);
    const [left, right] = split(this.root, node);
    this.root = merge(merge(left, node), right);
    this.size++;
  }

  remove(value: T): void {
    const node = this.nodes.get(value);
    if (node === undefined) return;
    this.nodes.delete(value);
    this.root = without(this.root, node);
    this.size--;
  }

  has(value: T): boolean {
    return this.nodes.has(value);
  }

  /** Values that overlap `[first, last]`, by first index. */
  overlapping(first: number, last: number): T[] {
    const found: T[] = [];
    collect(this.root, first, last, found);
    return found;
  }
}

function before<T>(a: Node<T>, b: Node<T>): boolean {
  return a.first !== b.first ? a.first < b.first : a.number < b.number;
}

function update<T>(node: Node<T>): Node<T> {
  node.maxLast = Math.max(node.last, node.left?.maxLast ?? -1, node.right?.maxLast ?? -1);
  return node;
}

/** Splits into what comes before `key` and what does not. */
function split<T>(node: Node<T> | undefined, key: Node<T>): [Node<T> | undefined, Node<T> | undefined] {
  if (node === undefined) return [undefined, undefined];
  if (before(node, key)) {
    const [left, right] = split(node.right, key);
    node.right = left;
    return [update(node), right];
  }
  const [left, right] = split(node.left, key);
  node.left = right;
  return [left, update(node)];
}

function merge<T>(left: Node<T> | undefined, right: Node<T> | undefined): Node<T> | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.priority > right.priority) {
    left.right = merge(left.right, right);
    return update(left);
  }
  right.left = merge(left, right.left);
  return update(right);
}

function without<T>(node: Node<T> | undefined, gone: Node<T>): Node<T> | undefined {
  if (node === undefined) return undefined;
  if (node === gone) return merge(node.left, node.right);
  if (before(gone, node)) node.left = without(node.left, gone);
  else node.right = without(node.right, gone);
  return update(node);
}

function collect<T>(node: Node<T> | undefined, first: number, last: number, found: T[]): void {
  if (node === undefined || node.maxLast < first) return;
  collect(node.left, first, last, found);
  if (node.first <= last && node.last >= first) found.push(node.value);
  if (node.first <= last) collect(node.right, first, last, found);
}
