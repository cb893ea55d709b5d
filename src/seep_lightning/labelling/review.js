"use strict";
const review = JSON.parse(document.getElementById("data").textContent);
const list = review.candidates;
const store = "seep-review-" + review.id;
const element = id => document.getElementById(id);
// the answer is about the label, not about the suggestion
const TITLES = {keep: "Keep the label", drop: "Drop the label", redraw: "Redraw the label", unsure: "Unsure"};
let answers = {};
let shown = 0;

function tellProblem(text) {
  element("problem").textContent = text;
  element("problem").hidden = false;
}

function recall() {
  try {
    answers = JSON.parse(localStorage.getItem(store) || "{}");
  } catch (error) {
    tellProblem("This browser keeps no answers for files: save the CSV before you close the page.");
  }
}

function keep() {
  try {
    localStorage.setItem(store, JSON.stringify(answers));
  } catch (error) {
    tellProblem("This browser keeps no answers for files: save the CSV before you close the page.");
  }
}

function drawAnswers(suspect) {
  const box = element("answers");
  box.replaceChildren();
  for (const [answer, words] of Object.entries(suspect.choices)) {
    const button = document.createElement("button");
    const name = document.createElement("b");
    const key = document.createElement("kbd");
    button.type = "button";
    button.dataset.answer = answer;
    button.setAttribute("aria-pressed", String(answers[suspect.number] === answer));
    name.textContent = TITLES[answer];
    key.textContent = answer[0];
    button.append(key, name, words);
    button.addEventListener("click", () => say(answer));
    box.append(button);
  }
}

function drawFacts(suspect) {
  const box = element("facts");
  box.replaceChildren();
  for (const [name, value] of Object.entries(suspect.facts)) {
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    box.append(term, text);
  }
}

function drawCount() {
  const answered = list.filter(suspect => answers[suspect.number]).length;
  const open = list.length - answered;
  element("count").textContent = `${answered} of ${list.length} answered, ${open} open`;
  element("progress").style.width = list.length ? `${100 * answered / list.length}%` : "0";
}

function draw() {
  drawCount();
  if (!list.length) return;
  const suspect = list[shown];
  element("title").textContent = `${suspect.number}. ${suspect.title}`;
  element("place").textContent = suspect.place;
  element("reason").textContent = suspect.reason;
  element("plain").src = suspect.pictures[0];
  element("below").src = suspect.pictures[0];
  element("rims").src = suspect.pictures[1];
  element("back").disabled = shown === 0;
  element("on").disabled = shown === list.length - 1;
  drawAnswers(suspect);
  drawFacts(suspect);
}

function go(to) {
  shown = Math.min(Math.max(to, 0), list.length - 1);
  draw();
}

function goToOpen() {
  for (let step = 1; step <= list.length; step++) {
    const index = (shown + step) % list.length;
    if (!answers[list[index].number]) return go(index);
  }
}

function say(answer) {
  const number = list[shown].number;
  if (!(answer in list[shown].choices)) return;
  if (answers[number] === answer) {
    delete answers[number];
    keep();
    return draw();
  }
  answers[number] = answer;
  keep();
  go(shown + 1);
}

// what a spreadsheet would compute gets an apostrophe, which the reader takes away
function cell(value) {
  const plain = String(value);
  const text = /^'*[=+\-@\t\r]/.test(plain) && !(plain.trim() && isFinite(plain)) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function table() {
  const rows = [["number", "kind", "answer", "scene", "review", "folder"]];
  for (const suspect of list) {
    const answer = answers[suspect.number] || "";
    rows.push([suspect.number, suspect.kind, answer, suspect.scene, review.id, review.folder]);
  }
  return rows.map(row => row.map(cell).join(",")).join("\n") + "\n";
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([table()], {type: "text/csv"}));
  link.download = "review-answers.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const KEYS = {k: "keep", d: "drop", r: "redraw", u: "unsure"};

function press(event) {
  if (!list.length || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "ArrowRight") return go(shown + 1);
  if (event.key === "ArrowLeft") return go(shown - 1);
  const key = event.key.toLowerCase();
  if (key === "n") return goToOpen();
  if (key in KEYS) say(KEYS[key]);
}

recall();
element("save").addEventListener("click", save);
if (list.length) {
  element("back").addEventListener("click", () => go(shown - 1));
  element("on").addEventListener("click", () => go(shown + 1));
  element("open").addEventListener("click", goToOpen);
  document.addEventListener("keydown", press);
}
draw();
