// Small helpers. Names in a report come from the recorded program: they reach the page as text nodes and attribute
// values only, never as markup.

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  return filled(node, attributes, children);
}

function drawing(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  return filled(node, attributes, children);
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

const byId = (id) => document.getElementById(id);

function number(n) {
  return n.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

function bytesText(n) {
  if (n < 10000) return `${number(n)} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let unit = -1;
  do { n /= 1024; unit++; } while (n >= 1024 && unit + 1 < units.length);
  return `${n.toFixed(1)} ${units[unit]}`;
}

function durationText(s) {
  if (s < 60) return `${s.toFixed(1)} s`;
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = units.findIndex(([length]) => s >= length);
  return units.slice(first, first + 2).map(([length, name], i) => {
    const whole = i === 0 ? Math.floor(s / length) : Math.floor((s % units[first][0]) / length);
    return `${whole} ${name}`;
  }).join(" ");
}

function plural(n, word) {
  return `${number(n)} ${word}${n === 1 ? "" : "s"}`;
}

function baseName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

function frameName(frame) {
  return frame.function || (frame.module ? `[${baseName(frame.module)}]` : frame.address);
}

// Fills a table: columns are [title, cell of a row, is a number]; a cell is a number, a text or a node.
function fillTable(table, columns, rows) {
  const cellOf = (value, isNumber) => {
    const content = typeof value === "number" ? number(value) : value;
    const style = [isNumber && "number", value === 0 && "zero"].filter(Boolean).join(" ");
    return element("td", { class: style || null }, content);
  };
  table.replaceChildren(
    element("thead", {}, element("tr", {}, columns.map(([title, , isNumber]) =>
      element("th", { scope: "col", class: isNumber ? "number" : null }, title)))),
    element("tbody", {}, rows.map((row) =>
      element("tr", {}, columns.map(([, cell, isNumber]) => cellOf(cell(row), isNumber))))));
}
