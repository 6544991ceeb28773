"""Rules for personal data that is written in digits and Latin letters: numbers of people, telephones, cards, addresses, accounts.

The rules read a folded text (prefopt.texts.folded), so dashes, spaces and digits have one form each. Digits are also read where they are
spelled: 공일공, 〇一〇, and o or l in place of 0 and 1.
Sources: check digits of resident registration numbers (주민등록법 시행규칙), of business numbers (국세청) and of cards (ISO/IEC 7812-1).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

_SPELLED = str.maketrans("공영일이삼사오육륙칠팔구〇零一二三四五六七八九oOlI", "001234566789" + "00123456789" + "0011")
_D = "[0-9공영일이삼사오육륙칠팔구〇零一二三四五六七八九oOlI]"
_MARK = r"-.~·/_:()\[\]{}\\|"
_S = rf"[ \n]{{0,2}}[{_MARK}]{{0,2}}[ \n]{{0,2}}"
_SC = rf"[ \n]{{0,2}}[,{_MARK}]{{0,2}}[ \n]{{0,2}}"
_S1 = rf"(?:[ \n]?[{_MARK}]{{1,2}}[ \n]{{0,2}}|[ \n]{{1,2}})"
_HARD = rf"(?: ?[{_MARK}]{{1,2}} ?)"
_FREE = r"(?<![0-9])(?<![0-9][.,])"
_END = r"(?![0-9])"
_ZERO, _ONE = "[0oO공영〇零]", "[1lI일一]"
_MOBILE = f"{_ONE}[016789lI일一oO공영〇零육륙칠팔구]"

_PHONE_WORD = (
    r"(?:전화(?:번호)?|연락처|휴대(?:폰|전화)|핸드폰|폰 ?번호|모바일|팩스|[Ff]ax|FAX|[Tt]el|TEL|[Pp]hone|PHONE|[Mm]obile|H\.?P|[☎☏📞📱])"
)
_AFTER_WORD = r"(?: ?번호)?[ .:=)\]은는이가]{0,4}"
_BANKS = "국민|신한|우리|하나|기업|대구|부산|광주|전북|경남|제주|산업|SC제일|씨티|외환|KB|NH|IBK|KEB|카카오|토스|케이"
_AT_BANK = rf"(?:(?:{_BANKS})(?:은행|뱅크|증권)|농협|신협|수협|우체국|새마을금고|카뱅|계좌(?: ?번호)?)"
_REGIONS = "서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주|충청[남북]|전라[남북]|경상[남북]"
_SPOKEN_TLD = r"(?:com|net|org|edu|gov|kr|jp|cn|uk|io|info|biz|dev|COM|NET|ORG|EDU|KR)"
_LOCAL = r"(?<![\w.+%-])(?:(?![가-힣ㄱ-ㅣ])[\w.+%'-]){1,64}"
_AT = r"(?: ?(?:@|&#64;?|%40|[\[({<] ?(?:@|at|AT|앳|골뱅이) ?[\])}>]) ?| (?:at|AT|앳|골뱅이) |골뱅이)"
_DOT = r"(?:\.| ?[\[({<] ?(?:\.|dot|DOT|점|닷) ?[\])}>] ?| (?:dot|DOT|점|닷) )"
_PLATE = "[가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자허하호배]"
_CAR_WORD = "(?:차량|자동차|번호판|차 ?번호)"
_SITES = (
    r"(?:instagram\.com|facebook\.com|fb\.com|twitter\.com|x\.com|threads\.net|t\.me|tiktok\.com|linkedin\.com/in|github\.com|youtube\.com/@"
    r"|open\.kakao\.com|pf\.kakao\.com|qr\.kakao\.com|blog\.naver\.com|m\.blog\.naver\.com|band\.us|tistory\.com|velog\.io|discord\.gg)"
)
_SERVICE = (
    "카카오톡|카톡|카카오|텔레그램|인스타그램|인스타|페이스북|페북|트위터|틱톡|디스코드|위챗|스카이프"
    "|[Kk]akao(?:[Tt]alk)?|KAKAO|[Ii]nstagram|[Ii]nsta|[Tt]elegram|[Dd]iscord|[Tt]witter|[Ff]acebook|[Ss]kype|SNS|sns"
)
_ACCOUNT = "(?:아이디|ID|Id|id|계정|닉네임|주소)"
_ACCOUNT_NAME = r"@?([A-Za-z0-9][A-Za-z0-9_.-]{2,40})"


def digits(shown: str) -> str:
    """The digits of a text, spelled ones too."""
    return re.sub(r"[^0-9]", "", shown.translate(_SPELLED))


def _always(_: re.Match[str]) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """One form of one kind of personal data; the data is the form's group without a name where it has one, else the whole match."""

    kind: str
    form: str
    """Regular expression."""
    holds: Callable[[re.Match[str]], bool] = _always
    """Whether a match is data of that kind."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The form, compiled when a text first needs it."""
        return re.compile(self.form)

    @property
    def group(self) -> int:
        """Number of the group that is the data."""
        return int(self.pattern.groups > len(self.pattern.groupindex))


def _is_date(six: str) -> bool:
    month, day = int(six[2:4]), int(six[4:6])
    return 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def _is_birth(match: re.Match[str]) -> bool:
    return _is_date(digits(match["date"])[-6:])


def _is_resident(match: re.Match[str]) -> bool:
    """Thirteen digits in a row: the check digit must be right, or the birth so late that numbers have none."""
    number = digits(match[0])[-13:]
    if not _is_date(number) or number[6] not in "12345678":
        return False
    weighted = sum(int(d) * w for d, w in zip(number, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=False))
    right = ((11 if number[6] in "1234" else 13) - weighted % 11) % 10 == int(number[12])
    return right or ("201001" <= number[:6] <= "291231" and number[6] in "3478")


def _is_mobile(match: re.Match[str]) -> bool:
    return not set(digits(match[0])) <= set("01")  # 010 1101 0110 is a binary number


def _is_landline(match: re.Match[str]) -> bool:
    return bool(re.search(rf"[{_MARK}]", match[0].strip("(")))


def _is_long(match: re.Match[str]) -> bool:
    return len(digits(match[1])) >= 7


def _is_address(match: re.Match[str]) -> bool:
    return len(digits(match[0])) >= 9 and all(int(part) <= 255 for part in match[0].split("."))


def luhn(number: str) -> bool:
    """Whether the check digit of a card is right."""
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(number))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _is_card(match: re.Match[str]) -> bool:
    number = digits(match[0])
    if len(set(number)) < 2 or not luhn(number):
        return False
    issued = number[0] in "4569" or number[:2] in ("22", "23", "24", "25", "26", "27", "34", "35", "36", "37", "38", "30")
    return issued or bool(re.search(r"\D", match[0]))


def _is_business(match: re.Match[str]) -> bool:
    number = digits(match[0])
    weighted = sum(int(d) * w for d, w in zip(number, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=False)) + int(number[8]) * 5 // 10
    return (10 - weighted % 10) % 10 == int(number[9])


def _is_account(match: re.Match[str]) -> bool:
    return 10 <= len(digits(match[1])) <= 16


def _is_plate(match: re.Match[str]) -> bool:
    is_named = match["where"] is not None or re.match(r" ?(?:차량|승용차|화물차|차주)", match.string[match.end() :])
    return bool(is_named) or (" " not in match[0] and match["letter"] not in "로도나")


_DATE = rf"(?P<date>(?:19|20)?{_D}{{2}}[-./]? ?{_D}{{2}}[-./]? ?{_D}{{2}})"
_WORD_DATE = (
    r"(?:\d{4} ?[-./년] ?\d{1,2} ?[-./월] ?\d{1,2} ?[일.]?|\d{2} ?[-./년] ?\d{1,2} ?[-./월] ?\d{1,2} ?[일.]?|(?:19|20)?\d{6}(?!\d))"
)

NUMBERS: tuple[Rule, ...] = (
    Rule(
        "resident-number",
        rf"{_FREE}{_DATE}{_S1}[1-8일이삼사오육륙칠팔lI](?:{_S}{_D}{{6}}{_END}|[*xX●○•#★■※]{{4,6}})",
        _is_birth,
    ),
    Rule(
        "resident-number",
        rf"{_FREE}(?P<date>{_D}(?: ?{_D}){{5}}){_HARD}[1-8일이삼사오육륙칠팔](?: ?{_D}){{6}}{_END}",
        _is_birth,
    ),
    Rule("resident-number", rf"{_FREE}(?:19|20)?\d{{13}}{_END}", _is_resident),
    Rule("resident-number", rf"(?:주민|등록|RRN)(?: ?등록)?{_AFTER_WORD}({_D}{{6}}{_S}{_D}{{7}}){_END}"),
    Rule("email", rf"{_LOCAL}(?:@|&#64;?|%40)[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{0,4}}\.(?:[A-Za-z]{{2,24}}|한국)(?![A-Za-z0-9])"),
    Rule("email", rf"{_LOCAL}{_AT}[A-Za-z0-9-]{{1,63}}(?:{_DOT}[A-Za-z0-9-]{{1,63}}){{0,3}}{_DOT}{_SPOKEN_TLD}(?![A-Za-z0-9])"),
    Rule("email", r"(?<![가-힣])[가-힣]{2,20}@[가-힣A-Za-z0-9-]{1,63}(?:\.[가-힣A-Za-z0-9-]{1,63}){0,4}\.(?:[A-Za-z]{2,24}|한국)"),
    Rule("driver-license", rf"{_FREE}(?:1[1-9]|2[0-8]){_S1}\d{{2}}{_S1}\d{{6}}{_S1}\d{{2}}{_END}"),
    Rule("driver-license", rf"(?:{_REGIONS}) ?\d{{2}}{_HARD}\d{{6}}{_HARD}\d{{2}}{_END}"),
    Rule("driver-license", rf"면허(?:증)?{_AFTER_WORD}((?:(?:{_REGIONS}) ?)?\d[\d -]{{8,14}}\d){_END}"),
    Rule("card-number", rf"{_FREE}\d{{4}}{_S}\d{{4}}{_S}\d{{4}}{_S}\d{{4}}{_END}", _is_card),
    Rule("card-number", rf"{_FREE}3\d{{3}}{_S}\d{{6}}{_S}\d{{4,5}}{_END}", _is_card),
    Rule("card-number", rf"(?:(?:신용|체크) ?카드|카드 ?번호){_AFTER_WORD}(\d{{4}}{_S}\d{{4}}{_S}\d{{4}}{_S}\d{{3,4}}){_END}"),
    Rule("phone", rf"{_FREE}\(?(?:\+|00)?82\)?{_S}(?:\(0\) ?|{_ZERO})?{_MOBILE}\)?{_S}{_D}{{3,4}}{_S}{_D}{{4}}{_END}", _is_mobile),
    Rule("phone", rf"{_FREE}[(\[]?{_ZERO}{_MOBILE}{_SC}{_D}{{3,4}}{_SC}{_D}{{4}}{_END}", _is_mobile),
    Rule(
        "phone",
        rf"{_FREE}{_ZERO} ?{_ONE} ?[016789공영육칠팔구]{_HARD}{_D}(?: ?{_D}){{2,3}}{_HARD}{_D}(?: ?{_D}){{3}}{_END}",
        _is_mobile,
    ),
    Rule("phone", rf"{_FREE}\(?0(?:2|[3-6][1-5]|70|50\d?|60|80)\)?{_S1}\d{{3,4}}{_S1}\d{{4}}{_END}", _is_landline),
    Rule("phone", rf"(?<!\d)(?:\+|00)82{_S}\(?0?\)?(?:2|[3-6][1-5]|70){_S}\d{{3,4}}{_S}\d{{4}}{_END}"),
    Rule(
        "phone",
        rf"(?:(?<=^)|(?<=[가-힣:(,] )|(?<=[:(,]))\+[1-9]\d{{0,2}}{_S1}\(?\d{{1,4}}\)?{_S1}\d{{3,4}}{_S1}\d{{3,4}}{_END}",
    ),
    Rule("phone", rf"{_PHONE_WORD}{_AFTER_WORD}(\+?\(?{_D}{{2,4}}\)?{_S}{_D}{{3,4}}(?:{_S}{_D}{{3,4}})?){_END}", _is_long),
    Rule("business-number", rf"{_FREE}\d{{3}}{_S1}\d{{2}}{_S1}\d{{5}}{_END}", _is_business),
    Rule("business-number", rf"사업자(?: ?등록)?{_AFTER_WORD}(\d{{3}}{_S}\d{{2}}{_S}\d{{5}}){_END}"),
    Rule(
        "account-number",
        rf"{_AT_BANK}[ :)(은는]{{0,4}}(?:[가-힣A-Z]{{2,6}} ?)?[:)(]? ?(\d(?: ?-? ?\d){{9,15}}){_END}(?! ?[원명개])",
        _is_account,
    ),
    Rule("account-number", rf"(?:{_BANKS}) ?:? ?(\d{{2,6}}(?: ?- ?\d{{2,8}}){{2,3}}){_END}", _is_account),
    Rule("account-number", r"계좌(?: ?번호)?[ :은는=]{0,4}(?:[가-힣A-Z]{2,6} ?)?(\d[\d -]{6,18}\d)" + _END),
    Rule("passport", r"(?<![A-Za-z0-9])(?:[MSRODG][ -]?\d{4} ?\d{4}|[MSRODGmsrodg][ -]?\d{3}[A-Za-z]\d{4})(?![A-Za-z0-9])"),
    Rule(
        "passport",
        rf"(?:여권|[Pp]assport)(?: ?(?:[Nn]o\.?|[Nn]umber))?{_AFTER_WORD}([A-Za-z][ -]?(?:\d{{8}}|\d{{3}}[A-Za-z]\d{{4}})){_END}",
    ),
    Rule("student-id", r"(?<!\d)\d ?학년 ?\d{1,2} ?반 ?(?:\d{1,2} ?번(?!째)|번호 ?:? ?\d{1,2})"),
    Rule("student-id", rf"(?:학번|수험 ?번호|학생 ?번호|사번|교번|군번|학생증){_AFTER_WORD}([A-Za-z]?\d[\d-]{{3,14}})"),
    Rule(
        "birth-date",
        rf"(?:생년월일|출생(?:일|년월일|연월일)?|[Dd]ate [Oo]f [Bb]irth|[Bb]irth ?[Dd]ate|DOB)[ :=)은는이]{{0,4}}({_WORD_DATE})",
    ),
    Rule("birth-date", r"생일 ?[:=] ?(\d{4} ?[-./년] ?\d{1,2} ?[-./월] ?\d{1,2} ?[일.]?)"),
    Rule("birth-date", r"(?<!\d)\d{4} ?[-./년] ?\d{1,2} ?[-./월] ?\d{1,2} ?[일.]? ?생(?![가-힣])"),
    Rule(
        "car-plate",
        rf"(?<!\d)(?P<where>(?:{_REGIONS}) ?|{_CAR_WORD}{_AFTER_WORD})?\d{{2,3}} ?(?P<letter>{_PLATE}) ?\d{{4}}(?![\d가-힣])",
        _is_plate,
    ),
    Rule("online-account", rf"(?:https?://)?(?:www\.)?{_SITES}[/@][\w.@%~-]{{2,60}}(?:/[\w.@%~-]{{1,60}}){{0,3}}"),
    Rule(
        "online-account",
        rf"(?:{_SERVICE})(?: ?{_ACCOUNT}?(?: ?[:=(@]+ ?)| ?{_ACCOUNT}[은는이가]? ){_ACCOUNT_NAME}",
    ),
    Rule("online-account", rf"(?:라인|[Ll]ine|LINE|밴드|블로그) ?{_ACCOUNT}[은는이가]?(?: ?[:=]+ ?| ){_ACCOUNT_NAME}"),
    Rule("online-account", rf"아이디 ?[:=] ?{_ACCOUNT_NAME}"),
    Rule("online-account", r"https?://[\w.-]{3,80}/(?:[\w.-]{1,40}/){0,3}~[\w.-]{2,40}"),
    Rule("ip-address", r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", _is_address),
    Rule("ip-address", r"(?:IP|ip|아이피)(?: ?(?:주소|address))?[ :=은는]{0,4}(\d{1,3}(?:\.\d{1,3}){3})(?!\d)"),
)

_NUMBERED = r"\d{1,4}(?:-\d{1,4})?"
_STREET = r"(?!가로|세로)[가-힣\d]{2,8}(?:대로|(?<!으)로|길) ?\d{1,4}(?:(?:번|가)?길 ?\d{1,4})?(?:-\d{1,4})?(?![\d가-힣])(?:번지|호)?"
_LOT = rf"[가-힣]{{1,5}}\d{{0,2}}(?:동|리|가) ?(?:산 ?)?{_NUMBERED}(?:번지)?"
_ROOM = r"\d{1,4} ?동 ?\d{1,4} ?호"
_FLAT = rf"(?:[, ]{{0,2}}\(?[가-힣A-Za-z\d]{{0,14}}\)?[, ]{{0,2}}{_ROOM})?"
_DISTRICT = r"(?:[가-힣]{2,4}[시군구]|[중동서남북]구)"
_TOWN = "(?:[가-힣]{1,4}[읍면] ?)?"

ADDRESSES: tuple[Rule, ...] = (
    Rule(
        "home-address",
        rf"(?:{_REGIONS})(?:특별자치|특별|광역)?[시도]? (?:{_DISTRICT} ?){{1,2}}{_TOWN}(?:{_STREET}|{_LOT})(?: ?번지)?{_FLAT}",
    ),
    Rule("home-address", rf"(?<![가-힣]){_DISTRICT} {_TOWN}(?:{_STREET}|{_LOT} ?번지){_FLAT}"),
    Rule("home-address", rf"[가-힣A-Za-z\d]{{2,12}} ?(?:아파트|빌라|맨션|오피스텔) ?{_ROOM}"),
    Rule(
        "home-address",
        rf"(?:주소|사는 곳|거주지|자택)[ :=은는]{{1,4}}([^\n?!]{{0,40}}?(?:{_STREET}|{_LOT}|{_ROOM}){_FLAT})",
    ),
    Rule(
        "home-address", rf"(?:{_NUMBERED},? ?)?(?<![A-Za-z])[A-Z][a-z]{{2,20}}(?:\d{{1,3}})?-(?:daero|ro|gil)(?:,? ?{_NUMBERED})?(?![a-z])"
    ),
    Rule("home-address", rf"세종(?:특별자치)?시? (?:{_STREET}|{_LOT}){_FLAT}"),
    Rule("home-address", r"(?:우편 ?번호[ :=은는]{0,4}|\(우\) ?)(\d{5}|\d{3}-\d{3})(?!\d)"),
)
