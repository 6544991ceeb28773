// Find labels by any words of their names, codes and groups, by codes without brackets, and by initial consonants.

const INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const FIRST = 0xac00;
const LAST = 0xd7a3;
const PER_INITIAL = 588;
const PER_VOWEL = 28;
const ALL = 40;

/** In one spelling; lone consonants and vowels stay as they are typed. */
const folded = (text) => text.normalize("NFC").replace(/[^ㄱ-ㆎ]+/g, (part) => part.normalize("NFKC")).toLowerCase();
const bare = (text) => folded(text).replace(/[\s[\](){}<>【】〔〕‹›.,·:;'"`~_\-–—/|]/g, "");

/** The initial consonants of the Hangul of a text. */
export function initials(text) {
  return Array.from(text, (sign) => {
    const number = sign.charCodeAt(0);
    return number >= FIRST && number <= LAST ? INITIALS[Math.floor((number - FIRST) / PER_INITIAL)] : sign;
  }).join("");
}

/** Prepare labels {id, name, groups} for searching. */
export function indexed(labels) {
  return labels.map((label) => {
    const [id, name, groups] = [bare(label.id), bare(label.name), bare(label.groups || "")];
    return { label, id, name, all: `${id} ${name} ${groups}` };
  });
}

/** The labels that fit a query, the best first: those with all its words, otherwise those with some. All of them for an empty one. */
export function search(index, query) {
  const words = folded(query).trim().split(/\s+/).map(bare).filter(Boolean);
  if (!words.length) return index.map((entry) => entry.label);
  const joined = words.join("");
  const wanted = { joined, whole: pattern(joined), first: pattern(joined, "^"), words: words.map((word) => pattern(word)) };
  const found = [];
  index.forEach((entry, place) => {
    const score = scored(entry, wanted);
    if (score > 0) found.push([score, place, entry.label]);
  });
  const some = found.filter(([score]) => score >= ALL);
  return (some.length ? some : found).sort((a, b) => b[0] - a[0] || a[1] - b[1]).map((each) => each[2]);
}

function scored(entry, { joined, whole, first, words }) {
  if (entry.id === joined) return 100;
  if (entry.id.startsWith(joined)) return 90;
  if (first.test(entry.name)) return 80;
  if (whole.test(entry.name)) return 70;
  if (words.every((word) => word.test(entry.name))) return 60;
  if (entry.id.includes(joined)) return 50;
  const fits = words.filter((word) => word.test(entry.all)).length;
  return fits === words.length ? ALL : fits;
}

/** A word as a pattern: a consonant fits the syllables that begin with it, and a last syllable that may still be typed those it becomes. */
function pattern(word, before = "") {
  const signs = Array.from(word);
  return new RegExp(before + signs.map((sign, place) => fitting(sign, place === signs.length - 1)).join(""));
}

function fitting(sign, isLast) {
  const initial = INITIALS.indexOf(sign);
  if (initial >= 0) return range(FIRST + initial * PER_INITIAL, PER_INITIAL);
  const number = sign.charCodeAt(0);
  if (isLast && number >= FIRST && number <= LAST && (number - FIRST) % PER_VOWEL === 0) return range(number, PER_VOWEL);
  return sign.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

const range = (from, count) => `[${String.fromCharCode(from)}-${String.fromCharCode(from + count - 1)}]`;

/** An example of what can be typed, from a label: a word of its name, its code, the initials of that word. */
export function example(labels) {
  const named = labels.find((label) => /[가-힣]{2}/.test(label.name)) || labels[0];
  if (!named) return "";
  const word = named.name.split(/\s+/).sort((a, b) => b.length - a.length)[0];
  return [word, bare(named.id).toUpperCase(), initials(word)].filter((part, place, all) => all.indexOf(part) === place).join(" · ");
}
