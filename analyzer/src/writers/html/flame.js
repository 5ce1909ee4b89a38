// The flame graph: call paths of what is unpaired, outermost call on top, widths by bytes or by objects.

class FlameGraph {
  constructor(graph, path, detail) {
    Object.assign(this, { graph, path, detail, weight: "bytes", frames: new Map() });
    graph.addEventListener("keydown", (event) => this.key(event));
  }

  // Shows these findings; what was zoomed into stays so where it is still there.
  show(entries) {
    const zoomed = this.zoomed ? namesTo(this.zoomed) : [];
    this.root = flameTree(entries);
    this.zoomed = this.root;
    for (const name of zoomed.slice(1)) this.zoomed = this.zoomed.children.get(name) ?? this.zoomed;
    this.draw();
  }

  setWeight(weight) {
    this.weight = weight;
    if (!this.zoomed[weight]) this.zoomed = this.root;
    this.draw();
  }

  draw() {
    this.frames.clear();
    const nodes = [];
    const ancestors = [];
    for (let node = this.zoomed.parent; node; node = node.parent) ancestors.unshift(node);
    ancestors.forEach((node, depth) => nodes.push(this.frame(node, depth, 0, 100, true)));
    let deepest = 0;
    const place = (node, depth, left, width) => {
      deepest = Math.max(deepest, depth);
      nodes.push(this.frame(node, depth, left, width, false));
      const children = [...node.children.values()].sort((a, b) => b[this.weight] - a[this.weight]);
      for (const child of children) {
        const part = width * child[this.weight] / node[this.weight];
        if (part >= 0.15) place(child, depth + 1, left, part); // percent: what is thinner cannot be seen
        left += part || 0;
      }
    };
    if (this.zoomed[this.weight] > 0) place(this.zoomed, ancestors.length, 0, 100);
    this.graph.style.height = `${(deepest + 1) * 22}px`;
    this.graph.replaceChildren(...nodes);
    this.drawPath(ancestors);
    this.describe(this.zoomed);
    this.frames.get(this.zoomed)?.setAttribute("tabindex", "0");
  }

  frame(node, depth, left, width, above) {
    const kind = node === this.root ? "root" : node.acquirer ? "acquirer" : `hue-${node.hue}`;
    const button = element("button", { type: "button", class: `frame ${kind}${above ? " above" : ""}`, role: "treeitem",
      tabindex: "-1", "aria-level": depth + 1, "aria-label": this.label(node), title: this.label(node),
      onclick: () => this.zoom(node), onmouseenter: () => this.describe(node), onfocus: () => this.describe(node),
      onmouseleave: () => this.describe(this.zoomed) }, width > 1.2 ? node.name : "");
    button.style.left = `${left}%`;
    button.style.width = `${width}%`;
    button.style.top = `${depth * 22}px`;
    this.frames.set(node, button);
    return button;
  }

  drawPath(ancestors) {
    if (ancestors.length === 0) {
      this.path.replaceChildren("Click a frame to zoom in.");
      return;
    }
    this.path.replaceChildren(
      element("button", { type: "button", onclick: () => this.zoom(this.root) }, "All"),
      ` › ${ancestors.slice(1).length > 2 ? "… › " : ""}`,
      ancestors.slice(1).slice(-2).flatMap((node) =>
        [element("button", { type: "button", onclick: () => this.zoom(node) }, node.name), " › "]).flat(),
      this.zoomed.name);
  }

  zoom(node) {
    this.zoomed = node;
    this.draw();
    this.frames.get(node).focus({ preventScroll: true });
  }

  // "2,048 B (12.5 %) in 3 objects"
  measure(node) {
    const share = this.root[this.weight] ? (100 * node[this.weight]) / this.root[this.weight] : 0;
    const objects = plural(node.count, "object");
    const amount = this.weight === "bytes" ? `${bytesText(node.bytes)} in ${objects}` :
      node.bytes ? `${objects}, ${bytesText(node.bytes)}` : objects;
    return `${amount}, ${share.toFixed(share < 10 ? 1 : 0)} % of all`;
  }

  label(node) { return `${node.name}: ${this.measure(node)}`; }

  describe(node) {
    this.detail.replaceChildren(element("span", { class: "mono" }, node.name), ` ${this.measure(node)}`,
      node.place ? [element("br"), node.place] : "");
  }

  key(event) {
    const node = [...this.frames].find(([, button]) => button === document.activeElement)?.[0];
    if (!node) return;
    const drawn = (candidates) => candidates.filter((one) => this.frames.has(one));
    const byWeight = (parent) => drawn([...parent.children.values()].sort((a, b) => b[this.weight] - a[this.weight]));
    const beside = (step) => {
      const all = node.parent ? byWeight(node.parent) : [node];
      return all[all.indexOf(node) + step];
    };
    const moves = { ArrowUp: () => node.parent, ArrowDown: () => byWeight(node)[0],
      ArrowLeft: () => beside(-1), ArrowRight: () => beside(1) };
    if (event.key === "Escape") {
      this.zoom(this.root);
    } else if (moves[event.key]) {
      const next = moves[event.key]();
      if (next && this.frames.has(next)) {
        this.frames.get(node).setAttribute("tabindex", "-1");
        this.frames.get(next).setAttribute("tabindex", "0");
        this.frames.get(next).focus();
      }
    } else {
      return;
    }
    event.preventDefault();
  }
}

// One node per call path; bytes and count are those of all findings below it.
function flameTree(entries) {
  const make = (name, parent, rest) => ({ name, parent, bytes: 0, count: 0, children: new Map(), ...rest });
  const root = make("everything", null, {});
  for (const { finding, image } of entries) {
    if (!finding.left_behind) continue;
    const steps = [{ name: image.name, place: image.trace.program, module: "" },
      ...finding.stack.toReversed().map((frame) => ({ name: frameName(frame), module: frame.module,
        place: frame.file ? `${frame.file}:${frame.line}` : frame.module })),
      { name: finding.function_text, place: "acquired here", acquirer: true }];
    let node = root;
    for (let i = 0; ; i++) {
      node.bytes += finding.bytes;
      node.count += finding.count;
      if (i === steps.length) break;
      const { name, module, place, acquirer } = steps[i];
      if (!node.children.has(name)) node.children.set(name, make(name, node, { place, acquirer, hue: hueOf(module ?? "") }));
      node = node.children.get(name);
    }
  }
  return root;
}

// Frames of one module have one colour.
function hueOf(module) {
  let hash = 0;
  for (const c of baseName(module)) hash = (hash * 31 + c.codePointAt(0)) >>> 0;
  return hash % 6;
}

function namesTo(node) {
  const names = [];
  for (; node; node = node.parent) names.unshift(node.name);
  return names;
}
