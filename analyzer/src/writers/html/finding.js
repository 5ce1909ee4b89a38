// A finding as a card; its body is made when it is opened for the first time.

// What the tag of a finding says: how bad it is, unless somebody has decided to live with it.
function stateOf(finding) {
  return finding.suppressed_by ? "suppressed" : finding.accepted ? "known" : finding.severity;
}

function findingCard(entry) {
  const { finding, image } = entry;
  const card = element("details", { class: `card${finding.accepted ? " accepted" : ""}`, id: `finding-${entry.key}` },
    element("summary", {},
      element("span", { class: `tag ${finding.severity}` }, stateOf(finding)),
      element("span", {},
        element("span", { class: "sentence" }, finding.sentence),
        image.many && element("span", { class: "where" }, ` in ${image.name}`)),
      element("span", { class: "side" }, spark(finding))));
  card.addEventListener("toggle", () => openBody(card, entry));
  return card;
}

function openBody(card, entry) {
  if (card.open && !card.querySelector(".body")) card.append(findingBody(entry));
}

function findingBody({ finding, image, data }) {
  const rule = data.rules[finding.rule];
  const key = (name, value) => value && element("div", {}, element("dt", {}, name), element("dd", {}, value));
  return element("div", { class: "body" },
    finding.facts.length > 0 && element("ul", { class: "facts" }, finding.facts.map((fact) => element("li", {}, fact))),
    growth(finding, image),
    stackOf(`${finding.function_text} called from`, finding.stack, finding.blame),
    finding.failed_release && stackOf(`${finding.failed_release.function} called from`, finding.failed_release.stack,
      finding.failed_release.at ?? finding.blame),
    finding.ended_by && stackOf(`${finding.ended_by_intro} ${finding.ended_by.function}, called from`, finding.ended_by.stack,
      finding.blame),
    finding.sibling && siblingOf(finding.sibling),
    finding.preview && [element("h3", {}, "First bytes"), element("pre", { class: "dump" }, dump(finding.preview))],
    rule && element("p", { class: "advice" }, rule.advice),
    element("dl", { class: "keys" },
      key("Rule", finding.rule), key("Family", finding.family), key("Owner", finding.owner),
      key("Process", image.name), key("Incident", finding.incident && String(finding.incident)),
      key("Id", element("code", {}, finding.id))));
}

function growth(finding, image) {
  const plot = growthPlot([finding], image.series_unit ?? "cycle");
  return plot && [element("h3", {}, "Still unpaired, by when it was acquired"), plot];
}

function place(frame) {
  if (frame.file) return frame.line ? `${frame.file}:${frame.line}` : frame.file;
  return [frame.module && baseName(frame.module), frame.address].filter(Boolean).join(" ");
}

function sameFrame(a, b) {
  return b && a.function === b.function && a.file === b.file && a.line === b.line && a.module === b.module;
}

function stackOf(title, frames, blame) {
  if (!frames || frames.length === 0) return null;
  const blamed = frames.findIndex((frame) => sameFrame(frame, blame));
  return [element("h3", {}, title),
    element("table", { class: "stack" }, element("tbody", {}, frames.map((frame, i) =>
      element("tr", { class: i === blamed ? "blamed" : null },
        element("td", {}, i === blamed ? element("span", { title: "the frame to blame" }, "→",
          element("span", { class: "unseen" }, "blamed")) : ""),
        element("td", {}, frameName(frame), frame.inlined && element("span", { class: "inlined" }, " (inlined)")),
        element("td", {}, place(frame))))))];
}

function siblingOf(sibling) {
  const by = sibling.released_by ? ` by ${sibling.released_by}` : "";
  return [element("h3", {}, "Its like, which balances"),
    element("p", {}, `${sibling.function} in ${frameName(sibling.blame)}, ${place(sibling.blame)}: ` +
      `${number(sibling.released)} of ${number(sibling.acquired)} released${by}`)];
}

// 16 bytes a line, as hexdump -C has them.
function dump(previews) {
  return previews.map(({ address, bytes, text }) => {
    const lines = [];
    for (let at = 0; at < text.length; at += 16) {
      const digits = bytes.slice(2 * at, 2 * at + 32).match(/../g).join(" ");
      lines.push(`${at === 0 ? address.padEnd(18) : " ".repeat(18)} ${digits.padEnd(48)} ${text.slice(at, at + 16)}`);
    }
    return lines.join("\n");
  }).join("\n");
}
