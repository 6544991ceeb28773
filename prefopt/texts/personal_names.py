"""Rules for names of people: next to a title, behind a label, and of pupils next to their class.

A name is a surname of Korea with one or two syllables. Children of word problems (민준이는, 서연이가) have neither title nor label and are
no personal data.
"""

from __future__ import annotations

import re

from prefopt.texts.personal_numbers import Rule

_COMMON = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류진지엄채원천방공현함변염여추도소석선설마길연위표명기반"
)
_RARE = "나라왕금옥육인맹제모탁국어은편용예경봉사부가복태목형두감음빈동온호범좌팽승간상시갈단견당"
_SURNAMES = _COMMON + _RARE
_TWO = "남궁|황보|제갈|선우|독고|사공|서문|동방"
_SYLLABLES = (
    "가건경고광규근기길나남다단달대덕도동두라란래련로록루리림린만명모무문미민배범별병보복봉비빈산상새서석선설섭성세소솔송수숙순슬승시식신아안애양"
    "언연열영예오옥온완용우욱운웅원월유윤율은을의이익인일자재정제조종주준중지진찬창채천철청초춘충치태택하학한해향헌혁현형혜호홍화환회효훈휘희"
)
_ANY = "[가-힣]"
_CLOSE = f"(?:[{_COMMON}][{_SYLLABLES}]{{2}}|(?:{_TWO})[{_SYLLABLES}]{{1,2}})"
_APART = f"(?:(?![이한전])[{_COMMON}] [{_SYLLABLES}] ?[{_SYLLABLES}]|(?:{_TWO}) [{_SYLLABLES}] ?[{_SYLLABLES}]?)"
_USUAL = f"(?:{_CLOSE}|{_APART})"
_LABELED = f"(?:(?:{_TWO}) ?{_ANY}(?: ?{_ANY})?|[{_SURNAMES}](?:{_ANY}{{1,2}}| {_ANY}{{2}}| {_ANY} {_ANY}))"
_TITLES = (
    "(?:교장|교감|담임|보건|상담) ?선생님|선생님|선생|쌤|샘|교사|교장|교감|담임|교수님|교수|원장님|원장|부장님|부장|장학사|강사|조교"
    "|학부모님|학부모|보호자|어머님|어머니|아버님|아버지"
)
_ADDRESSED = "(?:교장 ?|교감 ?)?선생님|쌤|교수님|원장님|부장님|어머님|아버님"
_PARTICLE = "(?:은|는|이|가|을|를|의|께서|께|와|과|랑|도|만|에게|한테|까지|부터|처럼|보다|에|입니다|이다|이고|이며|님|씨|들|드림|올림)"
_BEHIND = rf"(?=(?:{_PARTICLE}){{0,2}}(?![가-힣]))"
_LABELS = (
    "성 {0,3}명|성함|학생명|학생 ?이름|작성자|출제자|검토자|보호자(?:명)?|담임(?: ?교사)?|지도 ?교사|지은이|저자|글쓴이|제출자|응시자"
    "|수험자|신청자|예금주|담당자|받는 ?사람|보내는 ?사람|받는 ?이|보낸 ?이|대표자"
)
_SPEAKERS = "학생|학부모|교사|선생님|반장|출제|검토|작성|담당|대표|문의|수신|발신"
"""Behind these a sentence may stand as well as a name."""
_SIGN = r" {0,4}(?:\([가-힣]{1,4}\) ?)?[-:=|/→] {0,4}\n? ?"
_ROMAN = (
    "Kim|Lee|Yi|Park|Choi|Jung|Jeong|Chung|Kang|Cho|Jo|Yoon|Yun|Jang|Chang|Lim|Im|Han|Oh|Seo|Suh|Shin|Sin|Kwon|Hwang|Ahn|An|Song|Jeon|Hong"
    "|Yoo|Yu|Ryu|Ko|Go|Moon|Mun|Yang|Son|Bae|Baek|Heo|Hur|Nam|Sim|Shim|Noh|Roh|Ha|KIM|LEE|PARK|CHOI|JUNG|KANG|YOON"
)
_LATIN = rf"(?:[A-Z][A-Za-z'-]{{1,20}}(?:,? [A-Z][A-Za-z'.-]{{0,20}}){{1,3}}|(?:{_ROMAN.lower()}),? [a-z-]{{2,20}}(?: [a-z]{{2,20}})?)"
_NO_NAMES = re.compile(
    "이상|이하|이번|이용|이동|이해|이유|이외|이내|이전|이후|전체|한명|오전|오후|정수|정사|정오|정해|주인|주어|지원|지수|지은|지도|조용|유명|고학|하나|우리"
    "|도서|소수|공원|공기|구해|전해|채송화|백일홍|백일|여러|신청|선택|도형|마지|마름|기준|기호|정답|정의|정리|성적|성별|문제|문항|표시|표기|소비|주문"
    "|추가|조사|연습|연구|인원|인구|안내|전화|전국|시험|시간|상담|상위|하위|용지|두 ?명|한 ?명|모두|모든|가장|나머지|부모|부분|방법"
    "|방향|반지름|원기둥|국어|사회|과학|수학|영어|음악|미술|체육|도덕|실과|기술|가정|정보|성취|단원|경우|형태|예시|예제|동안|동생|동아|오늘|어제|내일|호수|은행|금액"
    "|진학|명단|선수|남자|여자|남학|여학|남녀|연도|변수|함수|주소|소개|감사|고민|고객|장소|장래|장학|노래|노력|성공|천천|임원|현재|서로|각각|강의"
    "|최고|최대|최소|최선|최근|원래|장기|고등|신규|신임|신입|정하|정한|임시|전문|전담|전용|공동|기간|기초|기본|한문|한국|초등|중등"
    "|이진|삼진|오진|십진|소인|공배|공약|정비|이차|일차|이등|이웃|유리|무리|유한|무한|원주|양수|음수|정육|선분|조건|진수|진법|전개|인수|이항|이원"
)
_SHAPE = re.compile("[형체뿔둥모각선면점표식수값법름록란명들님번회일전후상하중]$")
"""Last syllables of the words that stand behind a label where no name does; only of words that no usual name ends in."""
_ADNOMINAL = re.compile("[한의할된인는]$")
_GIVEN = frozenset("민지서유하주윤도채연우나은현진예시태")
_CALLED = re.compile("[이가의은는를로도]$")


def _plain(name: str) -> str:
    return name.replace(" ", "")


def _is_name(match: re.Match[str]) -> bool:
    return not _NO_NAMES.match(_plain(match[1])) and not any(_NO_NAMES.match(part) for part in match[1].split(" ")[1:])


def _is_of_pupil(match: re.Match[str]) -> bool:
    return not _NO_NAMES.match(match["name"])


def _is_called(match: re.Match[str]) -> bool:
    """Next to 학생, 군, 양 or 씨, which stand next to many other words: 소비한 양, 우유의 양, 신청한 학생, 두 학생 민준이와 서연이."""
    name = _plain(re.split("[,·/&]", match[1])[0])
    return _is_name(match) and not _ADNOMINAL.search(name) and not (name[0] in _GIVEN and _CALLED.search(name))


def _is_labeled(match: re.Match[str]) -> bool:
    name = _plain(re.split("[,·/&]", match[1])[0])
    usual = re.fullmatch(f"(?:{_TWO}|[{_SURNAMES}])[{_SYLLABLES}]{{1,2}}", name)
    return _is_name(match) and (usual is not None or not _SHAPE.search(name)) and (len(name) > 2 or usual is not None)


TITLED: tuple[Rule, ...] = (
    Rule("person-name", rf"(?<![가-힣])({_USUAL}) ?(?:{_TITLES}){_BEHIND}", _is_name),
    Rule("person-name", rf"(?<![가-힣])({_CLOSE}) ?(?:학생|어린이|군|양|씨|님){_BEHIND}", _is_called),
    Rule("person-name", rf"(?:{_TITLES})(?: ?[:=] ?| )({_USUAL}){_BEHIND}", _is_name),
    Rule("person-name", rf"(?<![가-힣])학생 ({_CLOSE}){_BEHIND}", _is_called),
    Rule("person-name", rf"(?<![가-힣])([{_COMMON}][{_SYLLABLES}]) ?(?:{_ADDRESSED}){_BEHIND}", _is_name),
    Rule("person-name", rf"(?<![A-Za-z])((?:{_ROMAN}),? [A-Z][A-Za-z-]{{1,20}}) ?(?:{_TITLES}|학생|군|양|씨|님){_BEHIND}"),
)
"""Names next to a title."""

LABELED: tuple[Rule, ...] = (
    Rule("person-name", rf"(?<![가-힣])(?:{_LABELS}){_SIGN}({_LABELED}(?: ?[,·/&] ?{_CLOSE}){{0,9}}){_BEHIND}", _is_labeled),
    Rule("person-name", rf"(?<![가-힣])(?:{_SPEAKERS}){_SIGN}({_CLOSE}(?: ?[,·/&] ?{_CLOSE}){{0,9}}){_BEHIND}", _is_called),
    Rule(
        "person-name",
        rf"(?<!의)(?<!의 )(?<![가-힣])이 {{0,3}}름{_SIGN}({_LABELED}(?: ?[,·/&] ?{_CLOSE}){{0,9}}){_BEHIND}",
        _is_labeled,
    ),
    Rule(
        "person-name",
        rf"(?<!의)(?<!의 )(?<![가-힣])(?:이름|성명|성함)(?:은|는|이)? ({_USUAL})(?:입니다|이다|이고|이며|이에요|예요)",
        _is_name,
    ),
    Rule("person-name", rf"(?<!의)(?<!의 )(?<![가-힣])(?:{_LABELS}|이름) ({_CLOSE}){_BEHIND}", _is_called),
    Rule("person-name", rf"(?:{_LABELS}|{_SPEAKERS}|이 {{0,3}}름){_SIGN}({_LATIN}|[\u4e00-\u9fff]{{2,4}})(?![A-Za-z가-힣])"),
)
"""Names behind a label."""

CONTACTS: tuple[Rule, ...] = (
    Rule("person-name", rf"(?<![가-힣])({_CLOSE})[ :,(/]{{1,3}}(?=[(+]?0\d{{1,2}}[-). ]|01\d{{8}}|\+82|[\w.+-]{{1,40}}@)", _is_called),
    Rule("person-name", rf"(?<=-\d{{4}})[ ,(/]{{1,3}}({_CLOSE})(?![가-힣])", _is_called),
)
"""Names next to a telephone number or an e-mail address."""

LATIN: tuple[Rule, ...] = (
    Rule(
        "person-name",
        rf"(?<![A-Za-z])(?:(?:[Ss]tudent|[Ff]ull|[Tt]eacher|[Pp]arent)(?:'s)? )?(?:[Nn]ame|NAME) ?[:=] ?({_LATIN})",
    ),
    Rule(
        "person-name",
        rf"(?<![A-Za-z])(?:[Ss]tudent|[Tt]eacher|[Aa]uthor|[Ww]ritten by|[Pp]arent|[Gg]uardian|[Ss]chool contact) ?[:=] ?({_LATIN})",
    ),
)
"""Names behind an English label."""

PUPILS: tuple[Rule, ...] = (
    Rule("person-name", rf"(?<![\d-])[1-6]-\d{{1,2}}(?:-\d{{1,2}})? ({_CLOSE})(?![가-힣])", _is_called),
    Rule("student-id", rf"(?<![\d-])([1-6]-\d{{1,2}}(?:-\d{{1,2}})?) (?P<name>{_CLOSE})(?![가-힣])", _is_of_pupil),
    Rule("person-name", rf"(?<![가-힣])({_CLOSE}) ?\((?:남|여|\d{{1,2}} ?세)\)", _is_called),
    Rule("person-name", rf"(?:\d ?학년 ?)?\d{{1,2}} ?반 ?(?:\d{{1,2}} ?번 ?)?({_CLOSE}){_BEHIND}", _is_called),
    Rule("person-name", rf"(?<![\d.,])[1-6](?:0[1-9]|1\d)(?:0[1-9]|[1-4]\d) ({_CLOSE})(?![가-힣])", _is_called),
    Rule("student-id", rf"(?<![가-힣])(?P<name>{_CLOSE}) ?(\([1-6] ?- ?\d{{1,2}}(?: ?- ?\d{{1,2}})?\))", _is_of_pupil),
    Rule("student-id", rf"(?<![\d.,])([1-6](?:0[1-9]|1\d)(?:0[1-9]|[1-4]\d)) (?P<name>{_CLOSE})(?![가-힣])", _is_of_pupil),
)
"""Names next to a class, and the class."""
