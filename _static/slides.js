// Formulas, then reveal.js where there is one.
if (window.renderMathInElement) {
  renderMathInElement(document.body, { delimiters: [{ left: "\\[", right: "\\]", display: true }, { left: "\\(", right: "\\)", display: false }] });
}
if (window.Reveal) {
  Reveal.initialize({ width: 1280, height: 720, margin: 0.02, center: false, hash: true, slideNumber: "c/t", transition: "none", plugins: window.RevealNotes ? [RevealNotes] : [] });
}
