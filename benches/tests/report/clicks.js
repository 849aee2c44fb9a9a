// Uses what can be clicked on the page and notes what is seen before and after in the document's title. The names
// `one` and `all` are those of the page's own script.
{
  const seen = [];
  const note = (...values) => seen.push(values.join(" "));
  const plots = ["#plot-log", "#plot-linear"];
  note("hidden", ...plots.map((plot) => one(plot).hidden));
  one("#switch-axis").click();
  note("hidden", ...plots.map((plot) => one(plot).hidden));

  // The only table with infinite values is that of WebP.
  const table = one("[data-value=Infinity]").closest("table");
  const psnr = all("thead button", table)[4];
  const column = () => all("tbody tr", table).map((row) => row.cells[4].textContent);
  for (const direction of ["ascending", "descending"]) {
    psnr.click();
    note(psnr.parentElement.ariaSort, column()[0], column().at(-1));
  }
  all("thead button", table)[0].click();
  note("first", one("tbody th", table).textContent);

  const article = one(".compare");
  const select = one("select[data-side=right]", article);
  select.value = "0";
  select.dispatchEvent(new Event("change"));
  note(one("img.right", article).alt, "|", one(".right-caption", article).textContent);
  const slider = one("input[type=range]", article);
  slider.value = 25;
  slider.dispatchEvent(new Event("input"));
  const stage = one(".stage", article).getBoundingClientRect();
  const line = one(".divider", article).getBoundingClientRect();
  const at = (line.left + line.width / 2 - stage.left) / stage.width;
  note("line at", Math.round(100 * at), stage.width, "x", stage.height);
  note("list", getComputedStyle(one(".views")).display, "stage", one(".stage-box").hidden);
  note("wider than the window", document.documentElement.scrollWidth > innerWidth);
  document.title = seen.join("\n");
}
