// Switches the rate axis, sorts tables, and moves the line between two pictures. The page can be read without it.
"use strict";

const one = (selector, inside = document) => inside.querySelector(selector);
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// One of the two plots at a time.
function switchAxis() {
  const [log, linear] = [one("#plot-log"), one("#plot-linear")];
  const button = one("#switch-axis");
  const show = (isLog) => {
    log.hidden = !isLog;
    linear.hidden = isLog;
    button.textContent = isLog ? "Show linear rates" : "Show logarithmic rates";
  };
  button.addEventListener("click", () => show(log.hidden));
  button.parentElement.hidden = false;
  show(true);
}

// What a cell is sorted by: its number, else its text; cells without a number come last either way.
function compareCells(a, b, sign) {
  if (a.tagName === "TH") {
    return sign * a.textContent.localeCompare(b.textContent, undefined, { numeric: true });
  }
  const [x, y] = [a, b].map((cell) => ("value" in cell.dataset ? Number(cell.dataset.value) : NaN));
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
  return x === y ? 0 : sign * (x < y ? -1 : 1);
}

function makeSortable(table) {
  const headers = all("thead th", table);
  const body = one("tbody", table);
  headers.forEach((header, column) => {
    one("button", header).addEventListener("click", () => {
      const sign = header.ariaSort === "ascending" ? -1 : 1;
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.ariaSort = sign > 0 ? "ascending" : "descending";
      const rows = all("tr", body);
      rows.sort((a, b) => compareCells(a.cells[column], b.cells[column], sign));
      body.append(...rows);
    });
  });
}

function makeComparison(article) {
  const stage = one(".stage", article);
  const slider = one("input[type=range]", article);
  const views = all(".views figure", article);
  const show = (select) => {
    const { side } = select.dataset;
    const view = views[Number(select.value)];
    const [picture, shown] = [one("img", view), one(`img.${side}`, stage)];
    shown.src = picture.src;
    shown.alt = picture.alt;
    one(`.${side}-caption`, article).textContent = one("figcaption", view).textContent;
  };
  all("select", article).forEach((select) => {
    select.addEventListener("change", () => show(select));
    show(select);
  });
  const move = () => stage.style.setProperty("--at", `${slider.value}%`);
  const follow = (event) => {
    if (event.buttons === 0) return;
    const box = stage.getBoundingClientRect();
    slider.value = (100 * (event.clientX - box.left)) / box.width;
    move();
  };
  slider.addEventListener("input", move);
  stage.addEventListener("pointerdown", follow);
  stage.addEventListener("pointermove", follow);
  move();
  one(".stage-box", article).hidden = false;
}

switchAxis();
all("table.sortable").forEach(makeSortable);
all(".compare").forEach(makeComparison);
// The list of pictures gives way to the stage only now that the stage works.
document.documentElement.dataset.ready = "true";
