
// The tree of dominators, as a flat list with levels: a chain may be as deep as the closure is large.
// https://www.w3.org/WAI/ARIA/apg/patterns/treeview/

const OPEN_LEVELS = 2;
const DEEPEST_INDENT = 24;
let treeItems = [];

function showTree({ closure }) {
  treeItems = [];
  const walk = closure.tops.map((index, at) => [index, 1, at + 1, closure.tops.length]).reverse();
  while (walk.length) {
    const [index, level, position, count] = walk.pop();
    const each = closure.packages[index];
    treeItems.push(makeTreeItem(each, level, position, count));
    const below = each.dominated;
    for (let at = below.length - 1; at >= 0; at -= 1) {
      walk.push([below[at], level + 1, at + 1, below.length]);
    }
  }
  treeItems[0]?.setAttribute("tabindex", "0");
  document.getElementById("tree").replaceChildren(...treeItems);
  arrangeTree();
}

function makeTreeItem(each, level, position, count) {
  const item = make("li", {
    role: "treeitem", tabindex: "-1", "aria-level": level, "aria-posinset": position,
    "aria-setsize": count, "aria-selected": "false", "data-key": each.key,
  });
  if (each.dominated.length) {
    item.setAttribute("aria-expanded", String(level <= OPEN_LEVELS));
  }
  item.style.setProperty("--depth", Math.min(level - 1, DEEPEST_INDENT));
  item.append(make("span", { class: "sign", "aria-hidden": "true" }),
    make("span", { class: "number" }, formatSize(each.added)), each.label);
  return item;
}

function levelOf(item) {
  return Number(item.getAttribute("aria-level"));
}

// Hides what is below something closed.
function arrangeTree() {
  let closedAt = Infinity;
  for (const item of treeItems) {
    const level = levelOf(item);
    closedAt = level <= closedAt ? Infinity : closedAt;
    item.classList.toggle("closed", closedAt !== Infinity);
    const expanded = item.getAttribute("aria-expanded");
    item.firstChild.textContent = { true: "▾", false: "▸" }[expanded] ?? "";
    if (closedAt === Infinity && expanded === "false") {
      closedAt = level;
    }
  }
}

function expand(item, open) {
  item.setAttribute("aria-expanded", String(open));
  arrangeTree();
}

function selectInTree(state) {
  const each = state.closure.byKey.get(state.package);
  const above = each ? findDominators(state.closure, each).slice(0, -1) : [];
  const opened = new Set(above.map((one) => one.key));
  for (const item of treeItems) {
    item.setAttribute("aria-selected", String(item.dataset.key === state.package));
    if (opened.has(item.dataset.key)) {
      item.setAttribute("aria-expanded", "true");
    }
  }
  arrangeTree();
}

function startTree() {
  const tree = document.getElementById("tree");
  tree.addEventListener("click", (event) => {
    const item = event.target.closest("[role=treeitem]");
    if (item && event.target.classList.contains("sign") && item.hasAttribute("aria-expanded")) {
      expand(item, item.getAttribute("aria-expanded") === "false");
    } else if (item) {
      moveFocus(tree.querySelector("[tabindex='0']"), item);
      go({ package: item.dataset.key });
    }
  });
  tree.addEventListener("keydown", (event) => {
    const item = event.target.closest("[role=treeitem]");
    if (item && pressInTree(item, event.key)) {
      event.preventDefault();
    }
  });
}

// Does what a key means; false for keys that mean nothing here.
function pressInTree(item, key) {
  const shown = treeItems.filter((each) => !each.classList.contains("closed"));
  const at = shown.indexOf(item);
  const expanded = item.getAttribute("aria-expanded");
  switch (key) {
    case "ArrowDown": moveFocus(item, shown[at + 1]); return true;
    case "ArrowUp": moveFocus(item, shown[at - 1]); return true;
    case "Home": moveFocus(item, shown[0]); return true;
    case "End": moveFocus(item, shown.at(-1)); return true;
    case "Enter": case " ": go({ package: item.dataset.key }); return true;
    case "ArrowRight":
      if (expanded === "false") {
        expand(item, true);
      } else if (expanded === "true") {
        moveFocus(item, shown[at + 1]);
      }
      return true;
    case "ArrowLeft":
      if (expanded === "true") {
        expand(item, false);
      } else {
        moveFocus(item, shown.slice(0, at).findLast((each) => levelOf(each) < levelOf(item)));
      }
      return true;
    default: return false;
  }
}
