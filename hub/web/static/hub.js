"use strict";
// The console's only script: it keeps the query when the language changes, and fills the pages of throughput and alerts from their streams.
for (const link of document.querySelectorAll("[data-keep-query]")) {
  const query = new URLSearchParams(location.search);
  query.set("lang", new URLSearchParams(link.getAttribute("href")).get("lang"));
  link.href = "?" + query;
}

const first = document.getElementById("first");
if (first) {
  const live = document.getElementById("live");
  const put = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
  const rate = (value) => value >= 100 ? Math.round(value).toLocaleString("en") : String(value);
  // China's wall clock, as on every page.
  const clock = (text) => new Date(Date.parse(text) + 8 * 3600e3).toISOString().replace("T", " ").slice(0, 19);
  const span = (ms) => ms < 1000 ? ms + " ms" : ms < 60000 ? (ms / 1000).toFixed(1) + " s" : (ms / 60000).toFixed(1) + " min";

  const spark = (svg, values) => {
    const most = Math.max(1, ...values);
    const points = values.map((value, at) => `${(at * 120 / (values.length - 1)).toFixed(1)},${(29 - 27 * value / most).toFixed(1)}`);
    svg.querySelector(".line").setAttribute("d", "M" + points.join("L"));
    svg.querySelector(".area").setAttribute("d", "M0,30L" + points.join("L") + "L120,30Z");
  };
  const rows = (body, lines) => body.replaceChildren(...lines.map((cells) => {
    const row = document.createElement("tr");
    cells.forEach((text, at) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      if (at === cells.length - 1) cell.className = "n";
      row.append(cell);
    });
    return row;
  }));

  const show = (figures) => {
    for (const element of document.querySelectorAll("[data-rate]")) put(element, rate(figures.per_second[element.dataset.rate] || 0));
    for (const svg of document.querySelectorAll("[data-spark]")) spark(svg, figures.series[svg.dataset.spark] || [0, 0]);
    for (const cell of document.querySelectorAll("[data-backlog]")) put(cell, String(figures.backlog[cell.dataset.backlog] || 0));
    for (const row of document.querySelectorAll("[data-step]")) {
      const found = figures.latency_ms[row.dataset.step];
      row.querySelectorAll("td").forEach((cell, at) => put(cell, found ? span([found.p50, found.p95, found.p99][at]) : "–"));
    }
    put(document.getElementById("sample"), figures.sample.toLocaleString("en"));
    put(document.getElementById("oldest"), figures.oldest_waiting ? clock(figures.oldest_waiting) : "–");
    put(document.getElementById("at"), clock(figures.at).slice(11));
    const by = document.getElementById("by");
    if (by) rows(by, figures.by.slice(0, 12).map((one) => [by.dataset[one.kind] || one.kind, one.platform || "–", one.office || "–", rate(one.per_second)]));
    const lag = document.getElementById("lag");
    if (lag) rows(lag, Object.entries(figures.lag || {}).map(([topic, n]) => [topic, n.toLocaleString("en")]));
  };
  const say = (word, good) => { put(live, live.dataset[word]); live.className = good ? "on" : "off"; };

  show(JSON.parse(first.textContent));
  const stream = new EventSource("/v1/throughput/stream");
  stream.addEventListener("figures", (event) => { say("live", true); show(JSON.parse(event.data)); });
  stream.addEventListener("away", () => say("away", false));
  stream.onerror = () => say("lost", false);
}

// The list of alerts: tick all, and say what is new or has changed as it happens.
const alertsLive = document.getElementById("alerts-live");
if (alertsLive) {
  const all = document.getElementById("all"), table = document.getElementById("alerts"), fresh = document.getElementById("alerts-new");
  if (all) {
    all.hidden = false;
    all.addEventListener("change", () => { for (const box of document.querySelectorAll("[name=alert]")) box.checked = all.checked; });
  }
  let count = 0;
  const say = (word) => { alertsLive.textContent = "· " + alertsLive.dataset[word]; alertsLive.className = word === "live" ? "on" : "off"; };
  const stream = new EventSource("/v1/alerts/stream?unit=" + encodeURIComponent(alertsLive.dataset.unit));
  stream.onopen = () => say("live");
  stream.onerror = () => say("lost");
  stream.addEventListener("alert", (event) => {
    const chip = document.querySelector(`[data-severity="${CSS.escape(JSON.parse(event.data).severity)}"] span`);
    if (chip) chip.textContent = String(Number(chip.textContent) + 1);
    count += 1;
    fresh.textContent = count + " " + alertsLive.dataset.new;
    fresh.hidden = false;
  });
  stream.addEventListener("change", (event) => {
    const alert = JSON.parse(event.data);
    const row = table && table.querySelector(`[data-alert="${CSS.escape(alert.id)}"]`);
    if (!row) return;
    const badge = row.querySelector("[data-state] .badge");
    badge.textContent = table.getAttribute("data-state-" + alert.handling.state) || alert.handling.state;
    badge.className = "badge s-h-" + alert.handling.state;
    row.querySelector("[data-assignee]").textContent = alert.handling.assignee;
  });
}
