// Every word that a teacher reads on this page. A project's own words come with its dataset and replace those of TERMS.

const NEUTRAL = { ko: { label: "분류" }, en: { label: "category" } };
const TERMS = { ...NEUTRAL.ko };

/** Replace words by those of a project, e.g. {label: "성취기준"}. */
export function useTerms(own) {
  for (const [name, word] of Object.entries(own || {})) {
    if (name in TERMS && typeof word === "string" && word.trim()) TERMS[name] = word.trim();
  }
}

/** Speak the language of a project from now on: ko or en. The page begins in the one that it spoke last in this browser. */
export function useLanguage(language) {
  const known = language in NEUTRAL ? language : "ko";
  W = known === "en" ? EN : KO;
  Object.assign(TERMS, NEUTRAL[known]);
  document.documentElement.lang = known;
  try {
    localStorage.setItem(LANGUAGE, known);
  } catch {
    // the language lasts as long as the page
  }
}

/** A word with the particle that fits its last letter: particle("분류", "을", "를") is "분류를". */
export function particle(word, after, open) {
  const last = word.charCodeAt(word.length - 1) - 0xac00;
  const closed = last >= 0 && last < 11172 ? last % 28 > 0 : /[013678lmnrLMNR]$/.test(word);
  return word + (closed ? after : open);
}

const LANGUAGE = "prefopt-teach-language";
const label = () => TERMS.label;
const counted = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

const KO = {
  title: () => `${label()} 고르기`,
  loading: "불러오는 중입니다…",
  problem: "문제",
  figure: "문제의 그림",
  figureLarge: "크게 보기",
  cards: (n) => (n === 2 ? `더 옳은 ${particle(label(), "을", "를")} 고르세요` : `가장 옳은 ${particle(label(), "을", "를")} 고르세요`),
  order: "좋은 순서대로 누르세요",
  left: "남은 문제",
  leftSaid: (n) => `${n}문제 남음`,
  none: "맞는 것이 없음",
  noneTwo: "둘 다 아님",
  equal: "비슷함",
  ordering: "순서 매기기",
  comment: "의견",
  later: "나중에",
  discard: "건너뛰기",
  same: "같은 순위로",
  send: "보내기",
  sendRest: "나머지는 같은 순위로 보내기",
  stop: "그만두기",
  rank: (n) => `${n}위`,
  card: (key) => `카드 ${key}`,
  picked: (key) => `${key} 선택`,
  sentNone: "없음",
  sentEqual: "비슷함",
  sentOrder: "순서",
  sentDiscard: "건너뛰기",
  undo: "되돌리기",
  undone: "되돌렸습니다.",
  next: (n) => `다음 문제, ${n}문제 남음`,
  put: "나중으로 미뤘습니다.",
  allLater: "미뤄 둔 문제만 남았습니다.",
  menu: "메뉴",
  close: "닫기",
  answers: "지난 답 보기",
  guide: "안내",
  reasonsOpen: "까닭 모두 펴기",
  reasonsShut: "까닭 짧게 보기",
  size: (name) => `글자 크기: ${name}`,
  sizes: ["보통", "크게", "아주 크게"],
  keysOff: "단축키 끄기",
  keysOn: "단축키 켜기",
  signOut: "로그아웃",
  keys: [
    ["1 2 3 4", "그 카드를 고르기"],
    ["0", "맞는 것이 없음"],
    ["Z", "되돌리기"],
    ["O", "순서 매기기"],
    ["M", "의견 쓰기"],
    ["L", "나중에"],
    ["X", "건너뛰기"],
  ],
  keysTitle: "단축키",
  searchTitle: () => `옳은 ${label()} 찾기`,
  searchLabel: () => `${label()}의 이름, 코드, 초성`,
  searchHint: (example) => (example ? `예: ${example}` : ""),
  found: (n) => (n ? `${n}개` : "찾은 것이 없습니다. 다른 말로 찾아 보세요."),
  unknown: () => `${particle(label(), "은", "는")} 모르겠음 — 없다고만 보내기`,
  commentTitle: "의견",
  commentLabel: "이 문제에 대해 하고 싶은 말 (답과 함께 보냅니다)",
  keep: "적어 두기",
  answersTitle: "지난 답",
  answersNone: "아직 보낸 답이 없습니다.",
  answersHint: "누르면 그 문제로 가서 답을 바꿀 수 있습니다.",
  waiting: "보내는 중",
  wasSent: (what) => `보낸 답: ${what}. 다시 고르면 바뀝니다.`,
  back: "남은 문제로 돌아가기",
  doneTitle: "모두 마쳤습니다. 고맙습니다!",
  doneText: (sent, skipped) => (skipped ? `${sent}문제에 답하고 ${skipped}문제를 건너뛰셨습니다.` : `${sent}문제에 답하셨습니다.`),
  doneOthers: "이번에 볼 문제는 다른 선생님들이 모두 보셨습니다.",
  doneNext: "창을 닫으셔도 됩니다. 새 문제가 올라오면 이 화면에 바로 나옵니다.",
  restTitle: "지금은 볼 문제가 없습니다",
  restText: "새 문제가 올라오면 담당자가 알려 드립니다. 이 화면을 열어 두시면 바로 나옵니다.",
  roundsTitle: "어느 문제를 보시겠습니까?",
  roundLeft: (n) => (n ? `${n}문제 남음` : "마침"),
  signInTitle: () => `${label()} 고르기`,
  signInText: "담당자에게 받은 아이디와 비밀번호를 넣어 주세요.",
  user: "아이디",
  password: "비밀번호",
  signIn: "로그인",
  signInWrong: "아이디나 비밀번호가 맞지 않습니다.",
  signInWait: (seconds) => `로그인에 여러 번 실패했습니다. ${seconds}초 뒤에 다시 해 주세요.`,
  signInAgain: "로그인한 지 오래되어 다시 로그인해야 합니다. 답은 이 기기에 그대로 있습니다.",
  offline: (n) => (n ? `연결이 끊겼습니다. 답 ${n}개를 보관하고 있고, 연결되면 보냅니다. 계속하셔도 됩니다.` : "연결이 끊겼습니다. 계속하셔도 됩니다."),
  offlineEmpty: "연결이 끊겨 다음 문제를 받지 못했습니다. 연결되면 이어집니다.",
  closed: "이번 문제 모음이 끝나서, 방금 답은 저장되지 않았습니다.",
  refused: (n) => `답 ${n}개를 서버가 받지 않았습니다. 담당자에게 알려 주세요.`,
  full: "이 기기에 답을 보관할 수 없습니다. 보낼 때까지 창을 닫지 마세요.",
  trouble: "문제가 생겼습니다. 잠시 뒤에 다시 해 보겠습니다.",
  notTeacher: "선생님의 계정이 아닙니다. 받은 아이디로 로그인해 주세요.",
  formulaBroken: "수식을 읽을 수 없어 원문 그대로 보입니다",
  guideTitle: "이렇게 합니다",
  guideLines: () => [
    `문제를 읽고, 가장 잘 맞는 ${label()} 카드를 한 번 누르면 답이 보내지고 다음 문제가 나옵니다.`,
    "잘못 눌렀으면 5초 안에 위쪽의 ‘되돌리기’를 누릅니다. 더 지난 답은 메뉴의 ‘지난 답 보기’에서 바꿉니다.",
    `맞는 카드가 하나도 없으면 ‘맞는 것이 없음’을 누르고, 옳은 ${particle(label(), "을", "를")} 찾아 고릅니다. 모르면 없다고만 보내도 됩니다.`,
    `먼저 ${particle(label(), "이", "가")} 맞는지 보고, 그다음에 까닭이 옳은지 봅니다. 카드의 순서는 문제마다 섞여 있습니다.`,
    "판단하기 어려우면 ‘나중에’로 미루거나 ‘건너뛰기’를 누릅니다. 건너뛴 문제는 학습에 쓰이지 않습니다.",
  ],
};

const EN = {
  title: () => `Choose the ${label()}`,
  loading: "Loading…",
  problem: "Problem",
  figure: "Figure of the problem",
  figureLarge: "Show it large",
  cards: (n) => (n === 2 ? `Choose the better ${label()}` : `Choose the best ${label()}`),
  order: "Choose them in order, the best first",
  left: "Left",
  leftSaid: (n) => `${n} left`,
  none: "None is right",
  noneTwo: "Neither is right",
  equal: "Equally good",
  ordering: "Put in order",
  comment: "Comment",
  later: "Later",
  discard: "Skip",
  same: "Same rank",
  send: "Send",
  sendRest: "Send, the rest level",
  stop: "Stop",
  rank: (n) => `rank ${n}`,
  card: (key) => `Card ${key}`,
  picked: (key) => `${key} chosen`,
  sentNone: "None",
  sentEqual: "Equal",
  sentOrder: "Order",
  sentDiscard: "Skipped",
  undo: "Undo",
  undone: "Taken back.",
  next: (n) => `Next problem, ${n} left`,
  put: "Put off until later.",
  allLater: "Only problems that were put off are left.",
  menu: "Menu",
  close: "Close",
  answers: "Earlier answers",
  guide: "Guide",
  reasonsOpen: "Show whole reasons",
  reasonsShut: "Show short reasons",
  size: (name) => `Text size: ${name}`,
  sizes: ["normal", "large", "very large"],
  keysOff: "Turn keys off",
  keysOn: "Turn keys on",
  signOut: "Sign out",
  keys: [
    ["1 2 3 4", "choose that card"],
    ["0", "none is right"],
    ["Z", "undo"],
    ["O", "put in order"],
    ["M", "write a comment"],
    ["L", "later"],
    ["X", "skip"],
  ],
  keysTitle: "Keys",
  searchTitle: () => `Find the right ${label()}`,
  searchLabel: () => `Name or code of the ${label()}`,
  searchHint: (example) => (example ? `e.g. ${example}` : ""),
  found: (n) => (n ? counted(n, "result") : "Nothing was found. Try other words."),
  unknown: () => `I do not know the ${label()}: only send that none is right`,
  commentTitle: "Comment",
  commentLabel: "What you would like to say about this problem (sent with your answer)",
  keep: "Keep",
  answersTitle: "Earlier answers",
  answersNone: "You have not sent an answer yet.",
  answersHint: "Choose a problem to change its answer.",
  waiting: "being sent",
  wasSent: (what) => `Your answer: ${what}. Choose again to change it.`,
  back: "Back to the problems that are left",
  doneTitle: "All done. Thank you!",
  doneText: (sent, skipped) => `You answered ${counted(sent, "problem")}${skipped ? ` and skipped ${skipped}` : ""}.`,
  doneOthers: "Others have judged all problems of this round.",
  doneNext: "You can close this page. New problems will appear here by themselves.",
  restTitle: "There is nothing to judge now",
  restText: "You will be told when there are new problems. If you leave this page open, they appear here.",
  roundsTitle: "Which problems would you like to judge?",
  roundLeft: (n) => (n ? `${n} left` : "done"),
  signInTitle: () => `Choose the ${label()}`,
  signInText: "Enter the user name and the password that you were given.",
  user: "User name",
  password: "Password",
  signIn: "Sign in",
  signInWrong: "The user name or the password is wrong.",
  signInWait: (seconds) => `Too many failed attempts. Try again in ${counted(seconds, "second")}.`,
  signInAgain: "Please sign in again. Your answers are still on this device.",
  offline: (n) => `The connection is lost. You can go on${n ? `: ${counted(n, "answer")} will be sent when it is back` : ""}.`,
  offlineEmpty: "The connection is lost, and the next problems could not be fetched. They appear when it is back.",
  closed: "This round has ended, so the last answer was not saved.",
  refused: (n) => `The server did not take ${counted(n, "answer")}. Please tell the person in charge.`,
  full: "This device cannot keep your answers. Do not close the page until they are sent.",
  trouble: "Something went wrong. It is tried again in a moment.",
  notTeacher: "This is not a teacher's account. Sign in with the user name that you were given.",
  formulaBroken: "This formula cannot be read, so it is shown as it was written",
  guideTitle: "How to judge",
  guideLines: () => [
    `Read the problem and choose the card with the ${label()} that fits best: the answer is sent, and the next problem appears.`,
    "If that was a mistake, choose “Undo” at the top within five seconds. Older answers can be changed under “Earlier answers” in the menu.",
    `If no card is right, choose “None is right” and find the right ${label()}. If you do not know it, just send that none is right.`,
    `Look first at whether the ${label()} is right, then at the reason. The order of the cards is mixed for every problem.`,
    "If you cannot decide, choose “Later” or “Skip”. Nothing is learned from skipped problems.",
  ],
};

export let W = KO;
useLanguage(stored());

function stored() {
  try {
    return localStorage.getItem(LANGUAGE);
  } catch {
    return "ko";
  }
}
