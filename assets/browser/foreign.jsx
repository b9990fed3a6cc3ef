// Translators and extensions take text out of a page or put elements of their own around it. React goes on pointing at
// the nodes that it made: taking one away, or putting something before it, would then throw and the page would die. So
// the two calls that it uses look for what stands in the place of a node. A text that was replaced is put back when it
// changes: a page of a bank must not go on showing the amount of before.
const TEXT = 3;
// What stands in the page instead of a text that a translator took out, and which of its elements are spoken for.
const instead = new WeakMap();
const taken = new WeakSet();

// The child of `parent` in which `node` is by now, or which stands for it.
function placeOf(parent, node) {
  const stands = instead.get(node);
  if (stands?.parentNode === parent) return stands;
  let found = node;
  while (found && found.parentNode !== parent) found = found.parentNode;
  return found ?? null;
}

function guard() {
  const { removeChild, insertBefore, appendChild } = Node.prototype;
  const comeBack = (node) => {
    const stands = node && instead.get(node);
    if (!stands) return;
    instead.delete(node);
    stands.remove();
  };
  Node.prototype.removeChild = function (child) {
    if (!child || child.parentNode === this) return removeChild.call(this, child);
    const place = placeOf(this, child);
    if (child.parentNode) removeChild.call(child.parentNode, child);
    // An element of a translator that is left without text has nothing to say any more.
    if (place && place !== child && (instead.get(child) === place || !place.textContent)) place.remove();
    instead.delete(child);
    return child;
  };
  Node.prototype.insertBefore = function (node, before) {
    comeBack(node);
    const there = !before || before.parentNode === this ? before : placeOf(this, before);
    return insertBefore.call(this, node, there);
  };
  Node.prototype.appendChild = function (node) {
    comeBack(node);
    return appendChild.call(this, node);
  };
}

function watch() {
  const fonts = document.getElementsByTagName("font");
  const isFree = (one) => one?.nodeName === "FONT" && one.isConnected && !taken.has(one);
  const look = (records, observer) => {
    if (!fonts.length) return;
    for (const { type, target, addedNodes, removedNodes, previousSibling, nextSibling } of records) {
      const stands = type === "characterData" && !target.isConnected ? instead.get(target) : null;
      if (stands?.isConnected) {
        instead.delete(target);
        stands.replaceWith(target);
      }
      for (const gone of removedNodes) {
        if (gone.nodeType !== TEXT) continue;
        const found = [...addedNodes, previousSibling, nextSibling].find(isFree);
        if (!found) continue;
        taken.add(found);
        if (gone.isConnected) continue;
        instead.set(gone, found);
        observer.observe(gone, { characterData: true });
      }
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true });
}

// While pages are built there is no document.
if (typeof document !== "undefined" && !Node.prototype.removeChild.ours) {
  guard();
  Node.prototype.removeChild.ours = true;
  watch();
}
