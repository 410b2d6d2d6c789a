// Quizzes answer in the page; guesses stay in this browser and come back beside their result.
(() => {
  const kept = {
    get(name) { try { return localStorage.getItem(name) || ""; } catch { return ""; } },
    set(name, text) { try { text ? localStorage.setItem(name, text) : localStorage.removeItem(name); } catch { /* private window */ } },
  };

  function check(fieldset) {
    const chosen = fieldset.querySelector("input:checked");
    const status = fieldset.querySelector("[role=status]");
    fieldset.classList.remove("gahr-right", "gahr-wrong");
    if (!chosen) { status.textContent = "Choose an answer first."; return; }
    const said = fieldset.querySelector(`[data-answer="${chosen.value}"]`);
    const right = said.hasAttribute("data-right");
    status.innerHTML = `<p><strong>${right ? "Right." : "Not this one."}</strong> ${said.innerHTML}</p>`;
    fieldset.classList.add(right ? "gahr-right" : "gahr-wrong");
  }

  function show(name, text) {
    for (const box of document.querySelectorAll(`.gahr-guessed[data-guess="${name}"]`)) {
      box.hidden = !text.trim();
      box.querySelector("q").textContent = text.trim();
    }
  }

  function start() {
    for (const fieldset of document.querySelectorAll(".gahr-quiz fieldset")) {
      fieldset.querySelector("button").addEventListener("click", () => check(fieldset));
    }
    for (const box of document.querySelectorAll(".gahr-guess")) {
      const inputs = [...box.querySelectorAll("input")];
      for (const input of inputs) {
        const name = input.dataset.guess;
        input.value = kept.get(`gahr-guess-${name}`);
        show(name, input.value);
        input.addEventListener("input", () => { kept.set(`gahr-guess-${name}`, input.value); show(name, input.value); });
      }
      box.querySelector("button").addEventListener("click", () => {
        for (const input of inputs) { input.value = ""; input.dispatchEvent(new Event("input")); }
        inputs[0]?.focus();
      });
    }
  }

  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start();
})();
