// Puts the page together: reads the data, fills the sections, and keeps them in step with the filter.

const atOnce = 100; // cards made at a time: a report of thousands stays quick

const report = readReport();
const state = { image: -1, words: [], severities: new Set(), family: "", owner: "" };
const flame = new FlameGraph(byId("flame-graph"), byId("flame-path"), byId("flame-detail"));
let shown = []; // entries that pass the filter
let made = 0;   // of them, those that have a card

// The report as the JSON writer has it, with what the page needs beside it put into its findings and images.
function readReport() {
  const data = JSON.parse(byId("data").textContent);
  const entries = [];
  data.report.images.forEach((image, number) => {
    Object.assign(image, data.images[number], { number, many: data.report.images.length > 1 });
    image.findings.forEach((finding, i) => {
      Object.assign(finding, image.details[i]);
      entries.push({ finding, image, data, key: `${number}-${finding.id}`, haystack: haystackOf(finding, image) });
    });
  });
  const rank = { leak: 0, suspect: 1, note: 2 };
  entries.sort((a, b) => a.finding.accepted - b.finding.accepted ||
    rank[a.finding.severity] - rank[b.finding.severity]); // stable: within these the report's order
  return { ...data.report, unused: data.unused_suppressions, entries };
}

// All that a search looks through, in lower case.
function haystackOf(finding, image) {
  const stacks = [finding.stack, finding.failed_release?.stack ?? [], finding.ended_by?.stack ?? []].flat();
  return [finding.sentence, finding.rule, finding.family, finding.function, finding.owner, finding.id, finding.severity,
    image.name, ...stacks.flatMap((frame) => [frame.function, frame.file, frame.module])].join("\n").toLowerCase();
}

const countOf = (findings, severity) => findings.filter((f) => f.severity === severity && !f.accepted).length;

function fillHead() {
  const { images, entries } = report;
  const findings = entries.map((entry) => entry.finding);
  const leaks = countOf(findings, "leak"), suspects = countOf(findings, "suspect");
  const what = [leaks && plural(leaks, "leak"), suspects && plural(suspects, "suspect")].filter(Boolean).join(" and ");
  const main = images[0];
  const others = images.length > 1 ? ` and ${plural(images.length - 1, "other")}` : "";
  const program = `${(main && baseName(main.trace.program)) || "?"}${others}`;
  byId("headline").textContent = main ? `${program}: ${what || "nothing that counts"}` : "Nothing was recorded";
  document.title = byId("headline").textContent;
  byId("about").textContent = images.length === 1 ? `${main.trace.command.join(" ") || main.trace.program} · ${main.about}`
    : images.length > 1 ? `${number(images.length)} processes, worst first` : "";
  const unpaired = findings.filter((f) => f.left_behind && f.severity !== "note" && !f.accepted);
  const sum = (of) => unpaired.reduce((total, f) => total + f[of], 0);
  const cycle = main?.trace.cycle_name ? `cycles (${main.trace.cycle_name})` : "cycles";
  const figures = [["leaks", leaks, leaks && "leak"], ["suspects", suspects, suspects && "suspect"],
    ["unpaired objects", number(sum("count"))], ["unpaired memory", bytesText(sum("bytes"))],
    images.length === 1 && ["recorded", durationText(main.trace.duration_s)],
    images.length === 1 && main.trace.cycles > 0 && [cycle, number(main.trace.cycles)]];
  byId("figures").replaceChildren(...figures.filter(Boolean).map(([name, value, style]) =>
    element("div", { class: style || null }, element("dt", {}, name), element("dd", {}, String(value)))));
}

function fillProcesses() {
  if (report.images.length < 2) return;
  byId("processes").hidden = false;
  fillTable(byId("processes").querySelector("table"), [
    ["Process", (image) => element("button", { type: "button", "aria-pressed": "false",
      onclick: () => { state.image = state.image === image.number ? -1 : image.number; apply(); } }, image.name)],
    ["How it ended", (image) => image.about],
    ["Lasted", (image) => durationText(image.trace.duration_s), true],
    ["Cycles", (image) => image.trace.cycles, true],
    ["Leaks", (image) => countOf(image.findings, "leak"), true],
    ["Suspects", (image) => countOf(image.findings, "suspect"), true],
    ["Notes", (image) => countOf(image.findings, "note"), true]], report.images);
}

function markProcesses() {
  byId("processes").querySelectorAll("tbody tr").forEach((row, number) => {
    row.setAttribute("aria-selected", String(number === state.image));
    row.querySelector("button").setAttribute("aria-pressed", String(number === state.image));
  });
}

function fillIncidents() {
  const cards = report.images.flatMap((image) => image.incidents.map((incident) => {
    const members = incident.findings.map((id) => report.entries.find((entry) =>
      entry.image === image && entry.finding.id === id)).filter(Boolean);
    return element("div", { class: "card incident" },
      element("p", {}, incident.sentence),
      growthPlot(members.map((entry) => entry.finding), image.series_unit ?? "cycle"),
      element("ul", { class: "legend" }, members.map(({ finding, key }, i) => element("li", {},
        drawing("svg", { viewBox: "0 0 20 8", "aria-hidden": "true" },
          drawing("path", { class: `series series-${i % 6}`, d: "M0 4H20" })),
        element("a", { href: `#finding-${key}`, onclick: (event) => { event.preventDefault(); reveal(key); } },
          finding.sentence)))));
  }));
  byId("incidents").hidden = cards.length === 0;
  byId("incidents").querySelector(".cards").replaceChildren(...cards);
}

function fillFilter() {
  const findings = report.entries.map((entry) => entry.finding);
  const severities = ["leak", "suspect", "note"].filter((severity) => countOf(findings, severity) > 0);
  const states = ["known", "suppressed"].filter((state) => findings.some((f) => stateOf(f) === state));
  const choices = severities.map((severity) => [severity, plural(countOf(findings, severity), severity)]);
  choices.push(...states.map((state) => [state, `${number(findings.filter((f) => stateOf(f) === state).length)} ${state}`]));
  byId("severities").append(...choices.map(([value, words]) => element("label", {
    class: severities.includes(value) ? value : "note", title: value === "known" ? "as in the baseline" : null }, element("input", { type: "checkbox", value }), words)));
  const options = (select, all, values) => select.replaceChildren(element("option", { value: "" }, all),
    ...[...new Set(values)].filter(Boolean).sort().map((value) => element("option", { value }, value)));
  options(byId("family"), "All families", findings.map((f) => f.family));
  options(byId("owner"), "All owners", findings.map((f) => f.owner));
  byId("owner").hidden = !findings.some((f) => f.owner);
  resetFilter();
}

// What counts is shown at first; notes only where there is nothing else.
function resetFilter() {
  const boxes = [...byId("severities").querySelectorAll("input")];
  const anyCounts = boxes.some((box) => box.value === "leak" || box.value === "suspect");
  boxes.forEach((box) => { box.checked = box.value === "leak" || box.value === "suspect" || (!anyCounts && box.value === "note"); });
  byId("search").value = byId("family").value = byId("owner").value = "";
  state.image = -1;
}

function passes({ finding, image, haystack }) {
  return (state.image < 0 || image.number === state.image) &&
    state.severities.has(stateOf(finding)) &&
    (!state.family || finding.family === state.family) && (!state.owner || finding.owner === state.owner) &&
    state.words.every((word) => haystack.includes(word));
}

// Reads the filter and shows what passes it.
function apply() {
  state.words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  state.severities = new Set([...byId("severities").querySelectorAll("input:checked")].map((box) => box.value));
  state.family = byId("family").value;
  state.owner = byId("owner").value;
  shown = report.entries.filter(passes);
  made = 0;
  byId("findings").querySelector(".cards").replaceChildren();
  showMore();
  byId("shown").textContent = `${number(shown.length)} of ${number(report.entries.length)}`;
  if (shown.length === 0)
    byId("findings").querySelector(".cards").append(element("p", { class: "none" },
      report.entries.length ? "Nothing passes the filter." : "Nothing was found."));
  const weighing = shown.filter((entry) => entry.finding.left_behind);
  byId("flame").hidden = weighing.length === 0;
  if (weighing.length > 0) flame.show(weighing);
  chooseWeight(weighing);
  markProcesses();
  fillTables();
}

function showMore(count = atOnce) {
  const next = shown.slice(made, made + count);
  byId("findings").querySelector(".cards").append(...next.map(findingCard));
  made += next.length;
  byId("more").hidden = made >= shown.length;
  byId("more").textContent = `Show more (${number(shown.length - made)} left)`;
}

// Where nothing has bytes, objects are all there is to weigh.
function chooseWeight(entries) {
  const hasBytes = entries.some((entry) => entry.finding.bytes > 0);
  if (entries.length > 0 && !hasBytes && flame.weight === "bytes") flame.setWeight("count");
  for (const button of document.querySelectorAll("[data-weight]")) {
    button.disabled = button.dataset.weight === "bytes" && !hasBytes;
    button.setAttribute("aria-pressed", String(button.dataset.weight === flame.weight));
  }
}

// Opens a finding, whatever the filter says.
function reveal(key) {
  if (!shown.some((entry) => entry.key === key)) {
    resetFilter();
    for (const box of byId("severities").querySelectorAll("input")) box.checked = true;
    apply();
  }
  const at = shown.findIndex((entry) => entry.key === key);
  if (at < 0) return;
  if (at >= made) showMore(at + 1 - made);
  const card = byId(`finding-${key}`);
  card.open = true;
  card.querySelector("summary").focus({ preventScroll: true });
  card.scrollIntoView({ block: "start" });
}

function fillTables() {
  const images = report.images.filter((image) => state.image < 0 || image.number === state.image);
  const sum = (of) => {
    const all = new Map();
    for (const image of images)
      for (const [name, values] of Object.entries(image[of])) {
        const total = all.get(name) ?? {};
        for (const [key, value] of Object.entries(values)) total[key] = (total[key] ?? 0) + value;
        all.set(name, total);
      }
    return [...all].map(([name, values]) => ({ name, ...values }));
  };
  const totals = sum("totals"), owners = sum("owners").sort((a, b) => b.unpaired_bytes - a.unpaired_bytes);
  const unseen = totals.some((row) => row.released_unseen > 0), failed = totals.some((row) => row.failed_releases > 0);
  byId("totals").hidden = totals.length === 0;
  fillTable(byId("totals").querySelector("table"), [
    ["Family", (row) => row.name], ["Acquired", (row) => row.acquired, true], ["Released", (row) => row.released, true],
    unseen && ["Released unseen", (row) => row.released_unseen, true],
    failed && ["Failed releases", (row) => row.failed_releases, true],
    ["Unpaired", (row) => row.unpaired, true], ["Bytes", (row) => row.unpaired_bytes, true]].filter(Boolean), totals);
  byId("owners").hidden = owners.length === 0;
  fillTable(byId("owners").querySelector("table"), [["Owner", (row) => row.name || "(none)"],
    ["Unpaired", (row) => row.unpaired, true], ["Bytes", (row) => row.unpaired_bytes, true]], owners);
  const remarks = [...images.flatMap((image) => image.remarks.map((remark) => (image.many ? `${image.name}: ` : "") + remark)),
    ...report.remarks, ...report.unused];
  byId("remarks").hidden = remarks.length === 0;
  byId("remarks").querySelector("ul").replaceChildren(...remarks.map((remark) => element("li", {}, remark)));
}

// The theme is the system's until the button says otherwise; what it said is kept where the browser lets us.
function followTheme() {
  const root = document.documentElement, button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const tell = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-pressed", String(isDark()));
    button.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
  };
  try { root.dataset.theme = localStorage.getItem("unpaired-theme") ?? ""; } catch { /* no storage for files */ }
  if (!root.dataset.theme) delete root.dataset.theme;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("unpaired-theme", root.dataset.theme); } catch { /* as above */ }
    tell();
  });
  system.addEventListener("change", tell);
  tell();
}

function listen() {
  let typing;
  const soon = (event) => {
    clearTimeout(typing);
    typing = setTimeout(apply, event.target === byId("search") ? 120 : 0);
  };
  byId("filter").addEventListener("input", soon);
  byId("filter").addEventListener("change", soon); // what drives a browser does not always send the other one
  byId("filter").addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(typing); apply(); });
  byId("filter").addEventListener("reset", (event) => { event.preventDefault(); clearTimeout(typing); resetFilter(); apply(); });
  byId("more").addEventListener("click", () => showMore());
  for (const button of document.querySelectorAll("[data-weight]"))
    button.addEventListener("click", () => { flame.setWeight(button.dataset.weight); chooseWeight(shown); });
  byId("toggle-all").addEventListener("click", (event) => {
    const cards = [...byId("findings").querySelectorAll("details")];
    const open = cards.some((card) => !card.open);
    for (const card of cards) card.open = open;
    event.target.textContent = open ? "Close all" : "Open all";
  });
  document.addEventListener("keydown", (event) => {
    const typed = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typed && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      byId("search").focus();
    }
  });
  // on paper nothing can be opened: what is listed is printed whole
  addEventListener("beforeprint", () => {
    byId("findings").querySelectorAll("details").forEach((card, i) => {
      card.open = true;
      openBody(card, shown[i]);
    });
  });
  addEventListener("hashchange", () => reveal(decodeURIComponent(location.hash.slice("#finding-".length))));
}

fillHead();
fillProcesses();
fillIncidents();
fillFilter();
followTheme();
listen();
apply();
if (shown.length > 0 && report.images.every((image) => image.incidents.length === 0)) byId(`finding-${shown[0].key}`).open = true;
if (location.hash.startsWith("#finding-")) reveal(decodeURIComponent(location.hash.slice("#finding-".length)));
