// Names for screen readers that hold what is written on a control; the theme's own say something else.
document.addEventListener("DOMContentLoaded", () => {
  for (const folded of document.querySelectorAll("summary[aria-label]")) folded.removeAttribute("aria-label");
  for (const button of document.querySelectorAll(".search-button-field, .theme-switch-button")) {
    button.removeAttribute("aria-label");
  }
  for (const button of document.querySelectorAll(".theme-switch-button")) {
    button.append(Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: "Color mode" }));
  }
});

// A formula, a figure or a table that is wider than the page scrolls: also by the keyboard, and under a name.
const WIDE = { "div.math": "formula", "figure": "figure", ".cell_output": "output", "table": "table" };
addEventListener("load", async () => {
  await document.fonts.ready; // a formula has its width with its letters
  for (const [kind, name] of Object.entries(WIDE)) {
    for (const wide of document.querySelectorAll(`.bd-article ${kind}`)) {
      if (wide.scrollWidth <= wide.clientWidth + 1 || getComputedStyle(wide).overflowX === "visible") continue;
      wide.tabIndex = 0;
      wide.classList.add("gahr-wide"); // says so above it
      if (kind === "table") continue; // keeps its own role
      wide.role = "group";
      wide.ariaLabel = name;
    }
  }
});

// The lab's scripts do not even load from a file, so this one says what it needs.
document.addEventListener("DOMContentLoaded", () => {
  const note = document.querySelector("#gahr-lab [data-note]");
  if (!note || location.protocol !== "file:") return;
  note.textContent = "Opened from a file, a browser refuses to load networks. Run make serve (or, in the folder of these pages, python -m http.server) and open the address it prints.";
  note.hidden = false;
});

// A filter of the replication table shows what it finds: its rows are unfolded.
addEventListener("change", ({ target }) => {
  if (target.name !== "claims") return;
  for (const folded of document.querySelectorAll(".claims details")) folded.open = target.value !== "all";
});

// On paper every picture is there, also those that a reader has not scrolled to, and nothing stays folded.
addEventListener("beforeprint", () => {
  for (const picture of document.querySelectorAll("img[loading]")) picture.loading = "eager";
  for (const folded of document.querySelectorAll(".bd-article details:not([open])")) {
    folded.open = true;
    addEventListener("afterprint", () => { folded.open = false; }, { once: true });
  }
});
