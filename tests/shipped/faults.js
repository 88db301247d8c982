// What is wrong with the page, as a list of sentences. Measures what is shown, not what is written.
(() => {
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > screen.width) faults.push(`it is ${root.scrollWidth} px wide`);
  if (!document.title.trim()) faults.push("it has no title");
  if (!root.lang) faults.push("it has no lang");

  // A colour as the browser computed it, by painting it.
  const brush = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const painted = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data];
  };
  const canvas = document.body.appendChild(document.createElement("i"));
  canvas.style.background = "Canvas";
  const blank = painted(getComputedStyle(canvas).backgroundColor);
  canvas.remove();
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = painted(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return blank;
  };
  // WCAG 2.2, "relative luminance" and "contrast ratio".
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((c) => {
      const part = c / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const words = (element) =>
    [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join(" ").trim();
  const shown = (element) => element.getClientRects().length > 0;

  for (const element of document.body.querySelectorAll("*")) {
    const text = words(element);
    if (!text || !shown(element)) continue;
    const style = getComputedStyle(element);
    const ratio = contrast(painted(style.color), behind(element));
    const what = `"${text.slice(0, 40)}"`;
    if (ratio < 4.5) faults.push(`${what} has a contrast of ${ratio.toFixed(1)}`);
    if (parseFloat(style.fontSize) < 13) faults.push(`${what} has ${style.fontSize} letters`.replace("px", " px"));
  }
  for (const element of document.querySelectorAll("a, button, input, select")) {
    // A box to tick is as large as the words that tick it, too.
    const height = (element.closest("label") ?? element).getBoundingClientRect().height;
    // WCAG 2.2, 2.5.8: links inside of a sentence are as high as its line.
    const inSentence = element.tagName === "A" && words(element.parentElement).length > 20
      && getComputedStyle(element).display === "inline";
    if (shown(element) && height < 44 && !inSentence) {
      faults.push(`"${element.textContent.trim()}" is ${height} px high to touch`);
    }
  }
  for (const element of document.querySelectorAll("[style*='mso-hide']")) {
    if (shown(element)) faults.push("the preheader is seen");
  }
  return faults;
})();
