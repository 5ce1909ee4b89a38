// How findings grew: lines over cycles or seconds.

const plotBox = { width: 640, height: 180, left: 52, right: 12, top: 12, bottom: 26 };

// A round number at or above n, for the top of an axis.
function roundUp(n) {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= n);
}

// The path of points [x, count] scaled into a box; `base` closes it into an area.
function pathOf(points, scaleX, scaleY, base) {
  const line = points.map(([x, count], i) => `${i ? "L" : "M"}${scaleX(x).toFixed(1)} ${scaleY(count).toFixed(1)}`).join("");
  if (base === undefined) return line;
  return `${line}L${scaleX(points.at(-1)[0]).toFixed(1)} ${base}L${scaleX(points[0][0]).toFixed(1)} ${base}Z`;
}

// A plot of the findings' series with axes; the limit of the first forecast is drawn where it is near.
function growthPlot(findings, unit) {
  const plotted = findings.filter((f) => f.series && f.series.length > 1);
  if (plotted.length === 0) return null;
  const { width, height, left, right, top, bottom } = plotBox;
  const points = plotted.flatMap((f) => f.series);
  const highest = Math.max(...points.map(([, count]) => count));
  const forecast = plotted.map((f) => f.forecast).find((f) => f && f.limit > 0 && f.limit <= highest * 3);
  const maxY = roundUp(Math.max(highest, forecast ? forecast.limit : 0));
  const minX = Math.min(...points.map(([x]) => x)), maxX = Math.max(...points.map(([x]) => x));
  const scaleX = (x) => left + ((x - minX) / (maxX - minX || 1)) * (width - left - right);
  const scaleY = (y) => height - bottom - (y / maxY) * (height - top - bottom);
  const floor = height - bottom;
  const label = (x, y, anchor, text, style) => drawing("text", { x, y, "text-anchor": anchor, class: style }, text);
  const last = plotted.map((f) => `${number(f.series.at(-1)[1])}`).join(", ");
  return drawing("svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Growth over ${unit}s, from ${number(minX)} to ${number(maxX)}: ${last} at the end` },
    [0, maxY / 2, maxY].filter(Number.isInteger).map((y) => [
      drawing("path", { class: "axis", d: `M${left} ${scaleY(y)}H${width - right}` }),
      label(left - 8, scaleY(y) + 4, "end", number(y))]),
    label(left, height - 6, "start", number(minX)),
    label(width - right, height - 6, "end", `${number(maxX)} ${unit}s`),
    plotted.length === 1 && drawing("path", { class: "area", d: pathOf(plotted[0].series, scaleX, scaleY, floor) }),
    plotted.map((f, i) => drawing("path", { class: `series series-${i % 6}`, d: pathOf(f.series, scaleX, scaleY) })),
    forecast && [
      drawing("path", { class: "limit", d: `M${left} ${scaleY(forecast.limit)}H${width - right}` }),
      label(left + 6, scaleY(forecast.limit) + 14, "start", `${forecast.limit_name} ${number(forecast.limit)}`, "limit-name")]);
}

// The same as a small line without axes.
function spark(finding) {
  const points = finding.series;
  if (!points || points.length < 2) return null;
  const first = points[0][0], last = points.at(-1)[0], top = Math.max(...points.map(([, count]) => count));
  return drawing("svg", { class: "spark", viewBox: "0 0 88 24", "aria-hidden": "true", preserveAspectRatio: "none" },
    drawing("path", { class: "series series-0",
      d: pathOf(points, (x) => 1 + ((x - first) / (last - first || 1)) * 86, (y) => 22 - (y / (top || 1)) * 20) }));
}
