// The gallery: shows the rows of the report that match the filters and the chosen cell of a confusion matrix.
// Names are written to the page only as textContent, so that markup in a name is shown as text.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("gallery-data").textContent);
  const form = document.getElementById("filters");
  const list = document.getElementById("cards");
  const status = document.getElementById("status");
  const more = document.getElementById("more");
  const chip = document.getElementById("cell");
  const STEP = 24; // this many cards are added at once
  const main = data.sources[0];
  const runs = data.sources.slice(data.hasBlend ? 1 : 0);
  let cell = null; // the cell or group that a button has chosen: {kind, truth, answer, outcome, group, title, button}
  let matching = [];
  let drawn = 0;

  const has = (value, wanted) => (Array.isArray(value) ? value.includes(wanted) : value === wanted);
  const same = (a, b) => String(a) === String(b);
  const value = (name) => (form.elements[name] ? form.elements[name].value : "");
  const named = (answer) => {
    if (answer === null || answer === -1) return "not predicted";
    return Array.isArray(answer) ? answer.map((c) => data.classes[c]).join(", ") || "none" : data.classes[answer];
  };

  // For each choice of the filter "Show": whether row i is shown
  const SHOW = {
    mistakes: (i) => data.wrong[i],
    right: (i) => !data.wrong[i],
    disagree: (i) => runs.some((run) => !same(run.answers[i], runs[0].answers[i])),
    all: () => true,
  };

  function inCell(i) {
    if (cell.kind === "group") return data.group[i] === cell.group;
    const [truth, answer] = [data.truth[i], main.answers[i]];
    if (cell.kind === "label") {
      return has(truth, cell.answer) === (cell.outcome !== "extra") && has(answer, cell.answer) === (cell.outcome !== "missed");
    }
    if (cell.kind === "class") return truth === cell.truth && answer === cell.answer;
    const of = data.attributes[cell.kind].ofClass;
    return of[truth] === cell.truth && of[answer] === cell.answer;
  }

  function inColumn(i, chosen) {
    const [kind, which, wanted] = chosen.split(":");
    const code = kind === "a" ? data.attributes[which].ofClass[data.truth[i]] : data.columns[which].codes[i];
    return code === Number(wanted);
  }

  function filtered() {
    const text = value("text").toLowerCase();
    const tests = [SHOW[value("show") || "all"]];
    if (value("truth") !== "") tests.push((i) => has(data.truth[i], Number(value("truth"))));
    if (value("answer") !== "") tests.push((i) => has(main.answers[i], Number(value("answer"))));
    if (value("column") !== "") tests.push((i) => inColumn(i, value("column")));
    if (value("fold") !== "") tests.push((i) => data.folds[i] === Number(value("fold")));
    if (text) tests.push((i) => `${data.images[i]} ${data.groups[data.group[i]]}`.toLowerCase().includes(text));
    if (cell) tests.push(inCell);
    return data.order.filter((i) => tests.every((test) => test(i)));
  }

  // Cards
  function element(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function sure(source, i) {
    if (source.answers[i] === null || source.answers[i] === -1) return "";
    return data.several ? ` (off by ${source.confidence[i] / 1000})` : ` ${(source.confidence[i] / 10).toFixed(1)} %`;
  }

  function photo(i) {
    if (!data.photos[i]) {
      return element("span", "no-photo", data.problems[i] || "no thumbnail, to keep the page small");
    }
    const image = element("img");
    image.src = data.photos[i];
    image.alt = `photo ${data.images[i]}`;
    return image;
  }

  function pair(term, text, className) {
    const line = element("div", className);
    line.append(element("dt", "", term), element("dd", "", text));
    return line;
  }

  function answered(source, i) {
    if (!source.numbers) return named(source.answers[i]) + sure(source, i);
    return source.numbers[i] === null ? "not predicted" : String(source.numbers[i]);
  }

  function card(i) {
    const item = element("li", data.wrong[i] ? "card wrong" : "card");
    const facts = element("dl");
    facts.append(pair("true", data.numbers ? String(data.numbers[i]) : named(data.truth[i])));
    for (const source of data.sources) {
      const agrees = same(source.answers[i], data.truth[i]);
      facts.append(pair(source.name, answered(source, i), agrees ? "agrees" : "differs"));
    }
    item.append(photo(i), facts, element("p", "file", `${data.images[i]} · fold ${data.folds[i]}`));
    if (data.hasGroups) item.append(groupButton(data.group[i]));
    item.tabIndex = -1;
    item.dataset.row = i;
    return item;
  }

  function groupButton(group) {
    const button = element("button", "group", `group ${data.groups[group]}`);
    button.type = "button";
    button.dataset.kind = "group";
    button.dataset.group = group;
    button.setAttribute("aria-label", `group ${data.groups[group]}`);
    return button;
  }

  function grow() {
    const first = drawn;
    drawn = Math.min(matching.length, drawn + STEP);
    list.append(...matching.slice(first, drawn).map(card));
    more.hidden = drawn === matching.length;
    const [count, total] = [matching.length, data.order.length].map((n) => n.toLocaleString("en"));
    status.textContent = `${count} of ${total} photos match, ${drawn} shown, the worst first`;
    return first;
  }

  function update() {
    matching = filtered();
    drawn = 0;
    list.replaceChildren();
    grow();
    chip.hidden = !cell;
    if (cell) chip.textContent = `${cell.title} ✕`;
    chip.setAttribute("aria-label", cell ? `${cell.title}: remove this filter` : "no cell is chosen");
    for (const button of document.querySelectorAll("button[data-kind]")) {
      button.setAttribute("aria-pressed", String(Boolean(cell) && cell.button === button));
    }
  }

  // Events
  function showGallery() {
    status.focus({ preventScroll: true });
    document.getElementById("gallery").scrollIntoView();
  }

  function clear() {
    cell = null;
    form.reset();
  }

  function choose(button) {
    const { kind, truth, answer, outcome, group } = button.dataset;
    const title = button.getAttribute("aria-label");
    clear();
    form.elements.show.value = "all";
    cell = { kind, truth: Number(truth), answer: Number(answer), outcome, group: Number(group), title, button };
    update();
    showGallery();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-kind]");
    if (button) choose(button);
  });
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("clear").addEventListener("click", () => {
    clear();
    update();
  });
  chip.addEventListener("click", () => {
    cell = null;
    update();
    status.focus();
  });
  more.addEventListener("click", () => {
    const first = grow();
    list.children[first].focus();
  });
  update();
})();
