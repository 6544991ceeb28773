"""A project of one's own: Korean history questions under 12 labels, in tables as a school has them."""

from __future__ import annotations

import csv
import random
from pathlib import Path

LABELS = {
    "H01": ("고조선과 여러 나라", "고대", "단군왕검 고조선 위만 8조법 부여 고구려초기 옥저 동예 삼한 제천행사 고인돌 비파형동검"),
    "H02": ("삼국의 성장", "고대", "광개토대왕 장수왕 근초고왕 진흥왕 화랑도 골품제 무령왕릉 살수대첩 안시성 가야 을지문덕 순수비"),
    "H03": ("통일 신라와 발해", "고대", "문무왕 신문왕 장보고 청해진 불국사 석굴암 대조영 해동성국 녹읍 호족 최치원 정효공주"),
    "H04": ("고려의 성립", "중세", "왕건 후삼국 훈요10조 광종 노비안검법 과거제 성종 최승로 시무28조 서희 강감찬 귀주대첩"),
    "H05": (
        "고려의 사회",
        "중세",
        "무신정변 최충헌 만적 삼별초 팔만대장경 공민왕 쌍성총관부 권문세족 신진사대부 직지심체요절 벽란도 별무반",
    ),
    "H06": ("조선의 성립", "근세", "이성계 위화도회군 정도전 한양 태종 호패법 경국대전 세조 사육신 과전법 의정부 6조직계제"),
    "H07": ("조선의 문화", "근세", "세종 훈민정음 집현전 측우기 장영실 농사직설 칠정산 앙부일구 자격루 성리학 서원 향약"),
    "H08": ("조선 후기", "근세", "임진왜란 이순신 병자호란 영조 탕평책 정조 규장각 대동법 균역법 실학 정약용 세도정치"),
    "H09": (
        "개항과 개혁",
        "근대",
        "흥선대원군 병인양요 강화도조약 임오군란 갑신정변 동학농민운동 갑오개혁 독립협회 대한제국 을사늑약 아관파천 만민공동회",
    ),
    "H10": (
        "일제 강점기",
        "근대",
        "3·1운동 임시정부 김구 안중근 윤봉길 청산리대첩 토지조사사업 신간회 물산장려운동 한국광복군 유관순 창씨개명",
    ),
    "H11": (
        "대한민국의 성립",
        "현대",
        "8·15광복 미소공동위원회 5·10총선거 제헌국회 6·25전쟁 인천상륙작전 정전협정 농지개혁 반민특위 제주4·3 신탁통치 좌우합작",
    ),
    "H12": (
        "민주화와 경제",
        "현대",
        "4·19혁명 5·16군사정변 유신헌법 5·18민주화운동 6월민주항쟁 직선제 새마을운동 경부고속도로 외환위기 금모으기 서울올림픽",
    ),
}
"""Code -> name, era, and what its questions are about."""
FORMS = (
    "{0}에 관하여 설명해 보자.",
    "{0} 무렵에 일어난 일과 {1}의 관계는 무엇인가?",
    "다음 중 {0} 그리고 {1} 모두와 관련 깊은 시기를 고르시오.",
    "교과서에서 {0} 부분을 읽고 왜 중요한지 두 문장으로 쓰시오.",
    "박물관에서 {1} 전시를 보았다. {0} 전시는 어디에 있을까?",
    "{0}의 결과로 사람들의 생활은 어떻게 바뀌었나?",
    "연표에서 {0} 다음에 올 사건을 찾고 {1}도 표시하시오.",
    "{1} 때의 인물이 {0} 소식을 들었다면 어떤 편지를 썼을까?",
)


def questions(label: str, count: int, seed: int) -> list[str]:
    """Questions of a label, no two alike."""
    words, rng = LABELS[label][2].split(), random.Random(f"{label} {seed}")
    pairs = [(form, a, b) for form in FORMS for a in words for b in words if a != b]
    found: dict[str, None] = {}
    while len(found) < count:
        form, a, b = rng.choice(pairs)
        found.setdefault(form.format(a, b))
    return list(found)


def write_tables(folder: Path, gold: int = 9, pool: int = 6) -> None:
    """hist.csv, gold.csv and pool.xlsx in a folder, with so many questions of each label, and truth.csv: the right labels of the pool."""
    import openpyxl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "hist.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("코드", "이름", "시대"), *((code, name, era) for code, (name, era, _) in LABELS.items())])
    rows = {label: questions(label, gold + pool, 1) for label in LABELS}
    with (folder / "gold.csv").open("w", encoding="utf-8", newline="") as file:
        labeled = [(f"g-{label}-{i}", text, label) for label, own in rows.items() for i, text in enumerate(own[:gold])]
        csv.writer(file).writerows([("id", "text", "label"), *labeled])
    book = openpyxl.Workbook()
    unlabeled = [(f"p-{label}-{i}", text, label) for label, own in rows.items() for i, text in enumerate(own[gold:])]
    for row in [("id", "text"), *((name, text) for name, text, _ in unlabeled)]:
        book.active.append(row)
    book.save(folder / "pool.xlsx")
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "label"), *((name, label) for name, _, label in unlabeled)])
