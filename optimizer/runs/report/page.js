// Point at a recipe and it stands out everywhere; click a column's title to sort. The page reads without either.
document.addEventListener("mouseover", (event) => {
  const found = event.target.closest("[data-t]");
  for (const old of document.querySelectorAll(".hot")) old.classList.remove("hot");
  if (found) for (const same of document.querySelectorAll(`[data-t="${found.dataset.t}"]`)) same.classList.add("hot");
});
for (const title of document.querySelectorAll("th")) {
  title.addEventListener("click", () => {
    const rows = [...title.closest("table").tBodies[0].rows];
    const up = title.getAttribute("aria-sort") !== "ascending";
    const text = (row) => row.cells[title.cellIndex].textContent;
    const order = (a, b) => text(a) - text(b) || text(a).localeCompare(text(b), undefined, { numeric: true });
    for (const other of title.parentNode.cells) other.removeAttribute("aria-sort");
    title.setAttribute("aria-sort", up ? "ascending" : "descending");
    rows.sort((a, b) => (up ? order(a, b) : order(b, a))).forEach((row) => row.parentNode.append(row));
  });
}
