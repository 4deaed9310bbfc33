"use strict";
/* What the HTML report does with JavaScript; without it everything is there as well. */
document.documentElement.classList.add("script"); /* page.css hides long tables until they are paged */
addEventListener("DOMContentLoaded", () => {
  const PAGE = 100;
  const collator = new Intl.Collator("en", { numeric: true });

  /* -- light and dark ---------------------------------------------------------- */
  const root = document.documentElement;
  const toggle = document.getElementById("theme");
  const remembered = (() => {
    try { return localStorage.getItem("assay-theme"); } catch { return null; }
  })();
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const show = (theme) => {
    if (theme === "dark" || theme === "light") root.dataset.theme = theme;
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
  };
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    show(theme);
    try { localStorage.setItem("assay-theme", theme); } catch { /* a private window */ }
  });
  show(remembered);

  /* -- tables: sort, search, filter, page ---------------------------------------- */
  const cellValue = (row, column, numeric) => {
    const cell = row.cells[column];
    const value = cell.dataset.v ?? cell.textContent.trim();
    return numeric ? Number(value) : value;
  };

  const setUp = (box) => {
    const table = box.querySelector("table");
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const search = box.querySelector("input");
    const filters = [...box.querySelectorAll("select")];
    const status = box.querySelector("[role=status]");
    const [back, on] = box.querySelectorAll(".pages button");
    let rows = [...body.rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));
    let shown = rows, page = 0;

    const draw = () => {
      const pages = Math.max(1, Math.ceil(shown.length / PAGE));
      page = Math.min(Math.max(page, 0), pages - 1);
      const first = page * PAGE;
      const part = shown.slice(first, first + PAGE);
      body.replaceChildren(...part.map((r) => r.row));
      status.textContent = shown.length === 0 ? `none of ${rows.length} match`
        : `${first + 1} to ${first + part.length} of ${shown.length}` +
          (shown.length < rows.length ? ` (${rows.length} in all)` : "");
      back.disabled = page === 0;
      on.disabled = page === pages - 1;
    };
    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = filters.filter((f) => f.value);
      shown = rows.filter((r) => wanted.every((f) => r.row.dataset[f.name] === f.value) &&
        words.every((w) => r.text.includes(w)));
      page = 0;
      draw();
    };
    const sort = (column) => {
      const head = heads[column];
      const numeric = head.dataset.sort === "number";
      const up = head.getAttribute("aria-sort") !== "ascending";
      const sign = up ? 1 : -1;
      for (const h of heads) h.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      for (const r of rows) r.key = cellValue(r.row, column, numeric);
      rows.sort((a, b) => sign * (numeric ? a.key - b.key : collator.compare(a.key, b.key)));
      filter();
    };

    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(column));
      head.append(button);
    });
    search.addEventListener("input", filter);
    for (const f of filters) f.addEventListener("change", filter);
    back.addEventListener("click", () => { page--; draw(); });
    on.addEventListener("click", () => { page++; draw(); });
    box.querySelector(".tools").hidden = false;
    draw();
    return { all: () => body.replaceChildren(...shown.map((r) => r.row)), draw };
  };
  const tables = [...document.querySelectorAll("[data-table]")].map(setUp);

  /* -- details: links open them, paper shows them all ------------------------------- */
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let d = target.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    if (link && link.hash === location.hash) reveal();
  });
  reveal();

  const models = [...document.querySelectorAll("details.model")];
  for (const [id, open] of [["open-all", true], ["close-all", false]]) {
    const button = document.getElementById(id);
    if (!button) continue;
    button.hidden = false;
    button.addEventListener("click", () => { for (const d of models) d.open = open; });
  }

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const d of closed) d.open = true;
    for (const t of tables) t.all();
  });
  addEventListener("afterprint", () => {
    for (const d of closed) d.open = false;
    for (const t of tables) t.draw();
  });
});
