"use strict";
document.documentElement.classList.add("live");
for (const svg of document.querySelectorAll(".timeline")) {
  const length = Math.max(1, Number(svg.dataset.length));
  const bars = Array.from(svg.querySelectorAll(".bar"), (bar) => {
    const place = (name) => parseFloat(bar.getAttribute(name));
    const [from, to] = [Number(bar.dataset.from), Number(bar.dataset.to)];
    return {
      bar,
      label: bar.querySelector(".label"),
      title: bar.querySelector("title").textContent,
      from,
      to,
      seen: [place("x"), place("x") + place("width")],
      scaled: [(100 * from) / length, (100 * to) / length],
    };
  });
  const inLanes = bars.filter(({ bar }) => !bar.classList.contains("caption"));
  let toScale = false, low = 0, high = 100, chosen = -1;

  const number = (n) => Math.round(n).toLocaleString("en");
  const places = (b) => (toScale ? b.scaled : b.seen);
  const draw = () => {
    const pixels = svg.getBoundingClientRect().width;
    const x = (place) => (100 * (place - low)) / (high - low);
    for (const b of bars) {
      const [begin, end] = places(b).map(x);
      // What is far outside would lose precision.
      const [left, right] = [Math.max(begin, -50), Math.min(end, 150)];
      const outside = right < 0 || left > 100;
      b.bar.style.display = outside ? "none" : "";
      if (outside) continue;
      b.bar.setAttribute("x", left + "%");
      b.bar.setAttribute("width", Math.max(right - left, 0.08) + "%");
      if (!b.label) continue;
      const hidden = (Math.max(-left, 0) / 100) * pixels;
      const room = ((Math.min(right, 100) - Math.max(left, 0)) / 100) * pixels - 8;
      b.label.setAttribute("x", hidden + 4);
      const text = [b.label.dataset.long, b.label.dataset.short].find((t) => t.length * 6.9 <= room);
      b.label.textContent = text || "";
      b.label.style.display = text ? "inline" : "none";
    }
  };

  const [lowEnd, highEnd] = [svg.querySelector(".low"), svg.querySelector(".high")];
  const whole = highEnd.textContent;
  // The instruction at a place, to label the ends of what is shown.
  const instruction = (place) => {
    if (toScale) return (place * length) / 100;
    const b = inLanes.find(({ seen }) => seen[0] <= place && place <= seen[1]);
    if (!b) return place > 50 ? length : 0;
    return b.from + ((b.to - b.from) * (place - b.seen[0])) / (b.seen[1] - b.seen[0] || 1);
  };

  const tools = document.createElement("div");
  tools.className = "tools";
  const said = document.createElement("output");
  const say = (text) => (said.textContent = text);
  const window_ = (from, to) => {
    const span = Math.min(100, Math.max(to - from, 1e-6));
    low = Math.min(Math.max(from, 0), 100 - span);
    high = low + span;
    draw();
    const all = span === 100;
    lowEnd.textContent = number(instruction(low));
    highEnd.textContent = all ? whole : number(instruction(high));
    zoomed();
  };
  const zoom = (factor, at) => window_(at - (at - low) * factor, at + (high - at) * factor);
  const middle = () => {
    if (chosen < 0) return (low + high) / 2;
    const [begin, end] = places(inLanes[chosen]);
    return Math.min(Math.max((begin + end) / 2, low), high);
  };
  const choose = (index) => {
    inLanes[chosen]?.bar.classList.remove("chosen");
    chosen = Math.min(Math.max(index, 0), inLanes.length - 1);
    const b = inLanes[chosen];
    b.bar.classList.add("chosen");
    const [begin, end] = places(b);
    const span = high - low;
    if (begin < low) window_(begin, begin + span);
    else if (end > high) window_(end - span, end);
    const lane = b.bar.closest(".lane").dataset.lane;
    say(`${lane}: ${b.title}; from ${number(b.from)} to ${number(b.to)}`);
  };
  const button = (text, title, action) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.title = title;
    made.setAttribute("aria-label", title);
    made.onclick = action;
    tools.append(made);
    return made;
  };
  const scale = button("to scale", "draw to scale", () => {
    toScale = !toScale;
    scale.textContent = toScale ? "logarithmic" : "to scale";
    scale.title = toScale ? "draw widths logarithmically" : "draw to scale";
    scale.setAttribute("aria-label", scale.title);
    window_(0, 100);
    if (chosen >= 0) choose(chosen);
  });
  button("+", "zoom in", () => zoom(0.5, middle()));
  button("−", "zoom out", () => zoom(2, middle()));
  button("←", "move left", () => window_(low - (high - low) / 4, high - (high - low) / 4));
  button("→", "move right", () => window_(low + (high - low) / 4, high + (high - low) / 4));
  button("all", "show all", () => window_(0, 100));
  const zoomed = () => {
    const factor = 100 / (high - low);
    if (factor > 1.01) say(`${factor < 100 ? factor.toFixed(1) : number(factor)} times as wide`);
    else say("");
  };
  tools.append(said);
  svg.before(tools);

  svg.tabIndex = 0;
  svg.setAttribute("aria-keyshortcuts", "ArrowLeft ArrowRight + - 0");
  svg.onkeydown = (event) => {
    const action = {
      ArrowRight: () => choose(chosen + 1),
      ArrowLeft: () => choose(chosen - 1),
      "+": () => zoom(0.5, middle()),
      "-": () => zoom(2, middle()),
      "0": () => window_(0, 100),
    }[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  };
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    const at = low + ((event.clientX - box.left) / box.width) * (high - low);
    zoom((event.deltaY || event.deltaX) > 0 ? 1.25 : 0.8, at);
  }, { passive: false });
  let grip = null;
  svg.onpointerdown = (event) => {
    grip = { x: event.clientX, low, high, moved: false };
  };
  svg.onpointermove = (event) => {
    if (!grip) return;
    const box = svg.getBoundingClientRect();
    const by = ((event.clientX - grip.x) / box.width) * (grip.high - grip.low);
    if (!grip.moved) {
      if (Math.abs(event.clientX - grip.x) < 4) return;
      grip.moved = true;
      svg.setPointerCapture(event.pointerId);
    }
    window_(grip.low - by, grip.high - by);
  };
  svg.onpointerup = (event) => {
    const hit = grip && !grip.moved && event.target.closest(".bar");
    const index = inLanes.findIndex(({ bar }) => bar === hit);
    if (index >= 0) choose(index);
    grip = null;
  };
  svg.onpointercancel = () => (grip = null);
  new ResizeObserver(draw).observe(svg);
  draw();
}
