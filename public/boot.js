// Starts the app without an inline script, so that the page can be served under a strict content security policy.
// Classic and early on purpose: the chosen theme must stand before the first paint.
"use strict";
(() => {
  // The look that this browser keeps: the theme, the contrast, the density. Set before the first paint, and again whenever the
  // app, another tab or the system says otherwise.
  const root = document.documentElement;
  const contrast = matchMedia("(prefers-contrast: more)");
  const look = () => {
    const kept = (name) => {
      try {
        return localStorage.getItem(`bedside.${name}`);
      } catch {
        // Storage can be forbidden; what the system says is a fine answer.
        return null;
      }
    };
    const set = (name, value) => (value ? (root.dataset[name] = value) : delete root.dataset[name]);
    const theme = kept("theme");
    const chosen = kept("contrast");
    set("theme", theme === "light" || theme === "dark" ? theme : null);
    set("contrast", chosen === "more" || (chosen !== "normal" && contrast.matches) ? "more" : null);
    set("density", kept("density") === "compact" ? "compact" : null);
  };
  look();
  addEventListener("bedside-look", look);
  addEventListener("storage", look);
  contrast.addEventListener("change", look);

  const fail = (reason) => {
    const shell = document.getElementById("shell");
    if (!shell) return;
    shell.hidden = false;
    document.getElementById("shell-wait").hidden = true;
    document.getElementById("shell-failed").hidden = false;
    if (reason) document.getElementById("shell-reason").textContent = reason;
  };

  // A trap ends the module for good: say so, rather than leave a page that looks alive and answers nothing.
  let trapped = false;
  addEventListener("error", ({ error }) => {
    if (trapped || typeof WebAssembly !== "object" || !(error instanceof WebAssembly.RuntimeError)) return;
    trapped = true;
    const notice = document.createElement("div");
    notice.className = "toasts";
    notice.setAttribute("role", "alert");
    const box = document.createElement("div");
    box.className = "toast";
    const text = document.createElement("p");
    text.className = "toast-body";
    text.textContent = "Bedside stopped because of an error. Reload the page to go on.";
    const reload = document.createElement("button");
    reload.className = "button button-small";
    reload.textContent = "Reload";
    reload.addEventListener("click", () => location.reload());
    box.append(text, reload);
    notice.append(box);
    document.body.append(notice);
  });

  addEventListener("DOMContentLoaded", async () => {
    if (typeof WebAssembly !== "object") {
      fail("This browser has no WebAssembly, which Bedside needs. Use a current version of Chrome, Edge, Firefox or Safari.");
      return;
    }
    const app = document.querySelector('meta[name="bedside-app"]');
    try {
      const module = await import(app.content);
      // The same request as the preload, or the browser would fetch the file twice.
      const wasm = fetch(app.dataset.wasm, { credentials: "same-origin" });
      await module.default({ module_or_path: wasm });
      document.getElementById("shell")?.remove();
    } catch (error) {
      console.error(error);
      fail();
    }
  });
})();
