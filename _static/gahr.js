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

// A formula that is wider than the page scrolls: also by the keyboard, and under a name.
addEventListener("load", () => {
  for (const formula of document.querySelectorAll("div.math")) {
    if (formula.scrollWidth <= formula.clientWidth) continue;
    formula.tabIndex = 0;
    formula.role = "group";
    formula.ariaLabel = "formula";
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
