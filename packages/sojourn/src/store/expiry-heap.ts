/**
 * Finds what has expired without a scan: a binary heap with the earliest end on top.
 *
 * Each node knows its place in it, so that one whose end moves, or that goes, costs O(log n). A new end is mostly
 * the latest one, so adding costs a look at one parent.
 */

/** What the heap orders. It writes `place`, and reads `expiresAt`, which may change only through `moved`. */
export interface HeapNode {
  expiresAt: number;
  place: number;
}

/** A heap of nodes by the instant at which they are no longer live. */
export class ExpiryHeap<Node extends HeapNode> {
  readonly #nodes: Node[] = [];

  /** The node that expires first. */
  get first(): Node | undefined {
    return this.#nodes[0];
  }

  add(node: Node): void {
    node.place = this.#nodes.length;
    this.#nodes.push(node);
    this.#rise(node);
  }

  remove(node: Node): void {
    const last = this.#nodes.pop();
    if (last === undefined || last === node) return;
    this.#put(last, node.place);
    this.moved(last);
  }

  /** Puts a node right whose `expiresAt` has changed. */
  moved(node: Node): void {
    this.#rise(node);
    this.#sink(node);
  }

  /** How many nodes have ended at an instant. Looks at those and their children alone. */
  countEnded(now: number): number {
    const pending = [0];
    let ended = 0;
    for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
      const node = this.#nodes[place];
      if (node === undefined || now < node.expiresAt) continue;
      ended++;
      pending.push(2 * place + 1, 2 * place + 2);
    }
    return ended;
  }

  #rise(node: Node): void {
    while (node.place > 0) {
      const place = (node.place - 1) >> 1;
      const parent = this.#nodes[place] as Node;
      if (parent.expiresAt <= node.expiresAt) return;
      this.#put(parent, node.place);
      this.#put(node, place);
    }
  }

  #sink(node: Node): void {
    for (;;) {
      let place = 2 * node.place + 1;
      let child = this.#nodes[place];
      if (child === undefined) return;
      const right = this.#nodes[place + 1];
      if (right !== undefined && right.expiresAt < child.expiresAt) {
        child = right;
        place++;
      }
      if (node.expiresAt <= child.expiresAt) return;
      this.#put(child, node.place);
      this.#put(node, place);
    }
  }

  #put(node: Node, place: number): void {
    this.#nodes[place] = node;
    node.place = place;
  }
}
