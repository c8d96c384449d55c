// The filter of the findings. Its state is part of the address, so that it can be shared.
"use strict";
{
  const MARK = "#filter?";
  const form = document.getElementById("filter");
  const items = [...document.querySelectorAll("[data-verdict]")].map(node => ({node, text: textOf(node)}));
  const groups = [...document.querySelectorAll(".finding:not([data-verdict])")];
  const folds = [...document.querySelectorAll(".findings")].map(list => list.closest("details"));
  let unfiltered = null;

  // The text of a finding in a group includes the heading of the group.
  function textOf(node) {
    const group = node.closest(".finding");
    const parts = group === node ? [node] : [...group.children].filter(part => !part.matches(".cases")).concat(node);
    return parts.map(part => part.textContent).join(" ").toLowerCase();
  }

  function asked() {
    return Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));
  }

  function fits({node, text}, {paper, table, verdict, text: words = ""}) {
    return (!paper || node.dataset.paper === paper)
      && (!table || node.dataset.tables.split(" ").includes(table))
      && (!verdict || node.dataset.verdict === verdict)
      && words.toLowerCase().trim().split(/\s+/).every(word => text.includes(word));
  }

  function visible(node) {
    return node.querySelectorAll("[data-verdict]:not([hidden])").length;
  }

  function show() {
    const wanted = asked();
    const filtered = Object.keys(wanted).length > 0;
    items.forEach(item => { item.node.hidden = !fits(item, wanted); });
    groups.forEach(group => { group.hidden = !visible(group); });
    if (filtered) unfiltered ??= folds.map(fold => fold.open);
    folds.forEach((fold, i) => {
      const count = visible(fold);
      fold.hidden = !count;
      fold.open = filtered ? count > 0 : unfiltered ? unfiltered[i] : fold.open;
      fold.querySelector(".shown")?.remove();
      if (filtered) fold.querySelector("summary").insertAdjacentHTML("beforeend", ` <span class="shown">${count} shown</span>`);
    });
    if (!filtered) unfiltered = null;
    const count = items.filter(item => !item.node.hidden).length;
    form.querySelector("output").textContent = `${count} of ${items.length} shown`;
  }

  function changed() {
    show();
    const wanted = new URLSearchParams(asked()).toString();
    history.replaceState(null, "", wanted ? MARK + wanted : location.pathname + location.search);
  }

  // The address names a filter, or an element, which must be visible.
  function follow() {
    if (location.hash.startsWith(MARK)) {
      const wanted = new URLSearchParams(location.hash.slice(MARK.length));
      for (const field of form.querySelectorAll("[name]")) {
        field.value = wanted.get(field.name) ?? "";
        if (field.selectedIndex === -1) field.value = "";
      }
      show();
      form.scrollIntoView();
      return;
    }
    const target = document.querySelector(":target");
    if (target?.closest("[hidden]")) {
      form.reset();
      show();
      target.scrollIntoView();
    }
  }

  form.hidden = false;
  form.addEventListener("input", changed);
  form.addEventListener("submit", event => event.preventDefault());
  form.querySelector("button").addEventListener("click", () => { form.reset(); changed(); });
  addEventListener("hashchange", follow);
  show();
  follow();
}
