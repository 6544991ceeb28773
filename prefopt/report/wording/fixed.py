"""The fixed words of the report. The Korean is for curriculum leads; the English for engineers as well."""

from __future__ import annotations

from prefopt.report.wording.say import Say

GROUPS = {
    "band": Say("학년군", "band"),
    "domain": Say("영역", "domain"),
    "course": Say("과목", "course"),
    "school": Say("학교급", "school level"),
    "grade": Say("학년", "grade"),
    "revision": Say("교육과정", "revision"),
    "label": Say("분류 항목", "label"),
}

GROUP_VALUES = {
    "초등 1~2학년": Say("초등 1~2학년", "grades 1–2"),
    "초등 3~4학년": Say("초등 3~4학년", "grades 3–4"),
    "초등 5~6학년": Say("초등 5~6학년", "grades 5–6"),
    "중학교 1~3학년": Say("중학교 1~3학년", "grades 7–9"),
    "수와 연산": Say("수와 연산", "number and operations"),
    "변화와 관계": Say("변화와 관계", "change and relations"),
    "도형과 측정": Say("도형과 측정", "shape and measurement"),
    "자료와 가능성": Say("자료와 가능성", "data and chance"),
}
"""Parts of the groups of the curriculum that comes with the package, whose labels have English names."""

OUTCOMES = {
    "promoted": Say("채택", "Promoted"),
    "held": Say("보류", "Held"),
    "rejected": Say("기각", "Rejected"),
}

FLAGS = {
    "cannot_tell": Say("판단 불가", "cannot tell"),
    "over_confident": Say("과신", "over-confident"),
    "under_confident": Say("확신 부족", "under-confident"),
    "no_fault_found": Say("", ""),
}

DROPPED = {
    "discarded": Say("교사가 건너뜀", "skipped by the teacher"),
    "tie": Say("동점", "tie"),
    "no_majority": Say("다수 의견 없음", "no majority"),
    "none_right": Say("맞는 분류가 없다는 의견이 다수", "most say none is right"),
    "too_few_teachers": Say("판정한 교사 부족", "too few teachers"),
    "identical_answers": Say("같은 답", "identical answers"),
    "unanswered": Say("판정 없음", "unanswered"),
    "gold": Say("정답이 알려진 문제 (교사 확인용)", "known label (measures teachers)"),
    "repeat": Say("다시 보인 문제 (교사 확인용)", "shown again (measures teachers)"),
}

VIEWS = {
    "smooth": Say("보정 오차 (구간 없이, smooth ECE)", "smooth ECE (no bins)"),
    "classwise": Say("보정 오차 (모든 분류 항목의 확률, classwise ECE)", "classwise ECE (the probability of every label)"),
    "top_label": Say("보정 오차 (같은 답을 받은 문제끼리, top-label)", "top-label ECE (among problems with the same answer)"),
}

STAGES = {
    "sample": Say("문제 고르기", "choosing problems"),
    "publish": Say("교사에게 보이기", "publishing them"),
    "collect": Say("판정 모으기", "collecting rankings"),
    "pair": Say("선호로 바꾸기", "rankings to preferences"),
    "train": Say("학습", "training"),
    "calibrate": Say("보정 평가", "calibration"),
    "decide": Say("결정", "decision"),
}

TEXTS = {
    "report": Say("라운드 보고서", "Round report"),
    "appendix": Say("부록: 자세한 수치와 근거", "Appendix: all figures and their grounds"),
    "appendix_how": Say(
        "여기부터는 모델을 학습시키는 사람을 위한 내용입니다. 통계 용어가 나옵니다.",
        "From here on the report is for those who train the model, in the terms of statistics.",
    ),
    "goals": Say("목표", "Goals"),
    "today": Say("지금 쓸 수 있는 곳", "What it can be used for today"),
    "next": Say("다음에 할 일", "What to do next"),
    "next_round": Say("다음 라운드", "Next round"),
    "facts": Say("무엇으로 쟀나", "What this rests on"),
    "goal": Say("목표", "goal"),
    "total": Say("전체", "all"),
    "accuracy_trend": Say("라운드별 정확도와 목표 (%)", "Accuracy over the rounds, and the goal (%)"),
    "trend_plain": Say(
        "세로선은 있을 법한 범위, 점선은 목표입니다. 채운 점은 다음 라운드가 출발한 모델입니다.",
        "Vertical lines are likely ranges, the dashed line is the goal. The next round started from the filled points.",
    ),
    "accept_plain": Say(
        "확신이 높은 것부터 확인 없이 승인한다면 그중 몇 %가 틀릴까",
        "If the most confident answers were accepted unread, how many of them would be wrong?",
    ),
    "heat": Say("어디에서 잘하고 어디에서 틀리나", "Where it is right and where it is wrong"),
    "heat_how": Say(
        "큰 숫자는 정확도, 그 아래는 있을 법한 범위입니다. 진할수록 정확합니다. 문제가 30개보다 적은 칸은 맞힌 수만 적습니다.",
        "The large number is the accuracy, under it its likely range; darker is better. With fewer than 30 problems only counts are shown.",
    ),
    "moved": Say("이번 학습이 바꾼 것", "What this round changed"),
    "now_right": Say("이제 맞히는 문제", "Now right"),
    "now_wrong": Say("이제 틀리는 문제", "Now wrong"),
    "are_right": Say("맞힌 문제", "Right"),
    "are_wrong": Say("틀린 문제", "Wrong"),
    "answer": Say("답", "answer"),
    "answer_before": Say("전의 답", "before"),
    "none_moved": Say("없습니다.", "None."),
    "gap": Say("확신 − 정확도 (%p)", "confidence − accuracy (points)"),
    "smooth": Say("smooth ECE (우연이면 이 아래)", "smooth ECE (by chance below)"),
    "warnings": Say("눈여겨볼 것", "To look into"),
    "round": Say("라운드", "Round"),
    "language": Say("언어", "Language"),
    "why": Say("결정의 근거", "Why"),
    "at_a_glance": Say("한눈에 보기", "At a glance"),
    "accuracy": Say("정확도", "Accuracy"),
    "changed": Say("무엇이 달라졌나", "What changed"),
    "sure": Say("모델의 확신을 믿어도 되나", "Can its confidence be trusted?"),
    "unread": Say("확인 없이 승인할 수 있는 문제", "What can be accepted without review"),
    "reliability": Say("확신과 실제 정확도", "Confidence against accuracy"),
    "reliability_how": Say(
        "모델이 “80% 확신한다”고 한 문제들은 실제로 80%를 맞혀야 합니다. 점이 점선보다 아래이면 과신, 위이면 확신 부족입니다. "
        "빨간 점은 과신, 파란 점은 확신 부족이 분명한 구간이고, 회색 점은 우연과 구별되지 않거나 문제가 30개보다 적은 구간입니다. "
        "세로선은 신뢰구간, 점의 크기는 문제 수입니다.",
        "Of the answers with a confidence of 80%, 80% should be right. Points below the dashed line are over-confident, points above it "
        "under-confident. Red and blue points are off by more than chance (Holm's correction); gray points may be chance, or have "
        "fewer than 30 problems. Lines are confidence intervals; the size of a point is the number of problems.",
    ),
    "confidence_axis": Say("모델의 확신 (%)", "confidence (%)"),
    "accuracy_axis": Say("실제 정확도 (%)", "accuracy (%)"),
    "share_of_problems": Say("문제 수", "problems"),
    "under": Say("확신 부족", "under-confident"),
    "cells_confidence": Say("칸마다 확신과 정확도", "Confidence and accuracy by cell"),
    "cells_how": Say(
        "칸의 큰 숫자는 정확도입니다. 진할수록 정확합니다. 괄호 안은 정확도에서 확신을 뺀 값(%p)입니다. "
        "문제가 30개보다 적은 칸은 판단하지 않습니다. "
        "‘과신’과 ‘확신 부족’은 여러 칸을 함께 검정해도 우연으로 보기 어려운 칸에만 붙입니다(홀름 보정).",
        "The large number is the accuracy; darker is better. In brackets: accuracy minus confidence, in points. "
        "Cells with fewer than 30 problems are not rated. “Over-confident” and “under-confident” mark only the cells that are off by more "
        "than chance after Holm's correction for testing them all.",
    ),
    "trend_how": Say(
        "같은 검증용 문제로 잰 값이며 세로선은 신뢰구간입니다. 채운 점은 채택, 빈 점은 보류, ×는 기각된 라운드입니다.",
        "All on the same hold-out problems; lines are confidence intervals. Filled points are promoted rounds, hollow ones held, crosses "
        "rejected.",
    ),
    "accuracy_alone": Say("정확도 (모델만, %)", "Accuracy (adapter alone, %)"),
    "brier": Say("브라이어 점수 (낮을수록 좋음)", "Brier score (lower is better)"),
    "brier_short": Say("브라이어 점수", "Brier score"),
    "accept": Say("확신이 높은 것부터 승인한다면", "Accepting the most confident first"),
    "accept_how": Say(
        "확신이 높은 문제부터 차례로 확인 없이 승인할 때, 승인한 문제 가운데 틀린 비율입니다. 왼쪽일수록 적게 승인하고 적게 틀립니다.",
        "Share of wrong answers among those accepted without review, starting with the most confident. Further left, fewer are accepted "
        "and fewer are wrong.",
    ),
    "accepted_axis": Say("승인하는 문제의 비율 (%)", "accepted (%)"),
    "error_axis": Say("그중 틀린 비율 (%)", "wrong among them (%)"),
    "agreed": Say("허용한 오답률", "agreed error rate"),
    "sets": Say("정답이 들어 있는 후보 묶음", "Sets that contain the right label"),
    "set_size": Say("후보 수 (평균)", "labels (mean)"),
    "set_hit": Say("정답 포함", "coverage"),
    "temperature": Say("온도 보정", "Temperature scaling"),
    "temperature_how": Say(
        "온도 보정은 답은 그대로 두고 확신의 크기만 고르게 조절합니다. "
        "문제를 둘로 나누어 한쪽에서 정한 온도를 다른 쪽에 적용해 효과를 쟀습니다.",
        "It changes the confidence, not the answers. Each half of the problems is judged with the temperature fitted on the other half.",
    ),
    "before": Say("보정 전", "before"),
    "after": Say("보정 후", "after"),
    "log_loss": Say("로그 손실", "Log loss (nats)"),
    "ece": Say("보정 오차 ECE", "ECE, equal width"),
    "same_label": Say("두 교사가 같은 분류를 고른 비율 (문제 수)", "two teachers choose the same label (slates)"),
    "reasons": Say("카드에 보인 풀이", "The reasons on the cards"),
    "with_reason": Say("풀이가 있는 카드", "cards with a reason"),
    "right_conclusion": Say("그 결론이 카드의 분류와 같음", "of these, naming the card's own label"),
    "concluding": Say("분류 항목을 말로 밝힌 풀이", "reasons that name a label"),
    "reason_steps": Say("풀이의 문장 수 (중앙값)", "sentences (median)"),
    "reason_length": Say("풀이의 글자 수 (중앙값)", "characters (median)"),
    "agreement_how": Say(
        "이 비율은 모델이 가장 망설인 문제에서 카드로 보인 몇 가지 분류 가운데 고르게 하고 잰 것입니다. 모델의 정확도는 다른 문제에서 "
        "모든 분류 가운데 고르게 하고 잰 것이므로, 둘을 나란히 비교할 수 없습니다. "
        "저마다 95%를 맞히는 두 교사도 서로 일치하는 비율은 90% 남짓입니다.",
        "Measured on the problems on which the adapter wavers most, among the labels on a few cards. Accuracy is measured on other "
        "problems, among all labels, so the two cannot be compared. Two teachers who are each right on 95% agree on little more than 90%.",
    ),
    "views_how": Say(
        "* 신뢰구간이 아니라, 완벽히 보정된 모델에서 우연만으로 나오는 값(평균 / 95%)입니다.",
        "* Not an interval: what a perfectly calibrated model shows by chance (mean / 95%).",
    ),
    "over": Say("과신", "over-confident"),
    "over_labels": Say("지나치게 확신하는 분류 항목", "Over-confident labels"),
    "label_counts": Say("너무 자주 또는 너무 드물게 답하는 분류 항목", "Labels that are answered too often or too seldom"),
    "counts_right": Say("실제", "right"),
    "counts_answered": Say("답", "answered"),
    "counts_before": Say("학습 전 답", "answered before"),
    "over_raw": Say("센 값 (%p)", "as counted (points)"),
    "over_shrunk": Say("추정 (%p)", "estimate (points)"),
    "label": Say("분류 항목", "label"),
    "disputed": Say("먼저 다시 볼 문제", "Review these first"),
    "disputed_how": Say(
        "모델과 전문가의 분류가 다른 검증용 문제를 모델이 확신한 순서로 보였습니다. 모델이 틀렸을 수도, 전문가의 분류를 고쳐야 할 수도 "
        "있습니다. 모두 담은 표는 같은 폴더의 review.csv입니다.",
        "Hold-out problems on which the adapter and the expert disagree, the adapter's most confident answers first. Either may be wrong. "
        "The full list is in review.csv next to this file.",
    ),
    "training": Say("학습", "Training"),
    "cost": Say("걸린 시간", "Time taken"),
    "stage": Say("단계", "stage"),
    "time": Say("시간", "time"),
    "machine": Say("컴퓨터", "machine"),
    "overconfidence": Say("평균 확신 − 정확도", "Mean confidence − accuracy"),
    "confusions": Say("자주 헷갈리는 분류", "Most frequent confusions"),
    "confusions_how": Say(
        "모델이 확신하면서 틀린 문제부터 예를 보였습니다. 문제 글은 앞부분만 싣습니다.",
        "Examples are the most confident wrong answers; long texts are cut.",
    ),
    "expert": Say("전문가", "expert"),
    "model": Say("모델", "model"),
    "no_confusions": Say("틀린 문제가 없습니다.", "No answer is wrong."),
    "feedback": Say("교사 판정", "The teachers' rankings"),
    "simulated": Say(
        "실제 교사가 아니라 모의 교사 프로그램이 판정했습니다. 이 라운드의 결과를 실제 교사의 판단으로 읽지 마세요.",
        "These are simulated teachers: programs, not people. Do not read the results of this round as the judgment of teachers.",
    ),
    "slates": Say("제시한 문제", "slates shown"),
    "rankings": Say("받은 판정", "rankings"),
    "teachers": Say("교사", "teachers"),
    "simulated_teachers": Say("모의 교사", "simulated teachers"),
    "pairs": Say("선호 쌍", "preference pairs"),
    "judged": Say("좋음·나쁨 판정", "answers judged alone"),
    "agreement": Say("고른 분류의 일치도 (크리펜도르프 α, 명목형)", "agreement on the label (Krippendorff's alpha, nominal)"),
    "seconds": Say("문제당 걸린 시간 (중앙값, 초)", "median seconds per slate"),
    "dropped": Say("학습에 쓰지 않은 판정", "Feedback without a preference"),
    "no_feedback": Say(
        "기초 학습 단계입니다. 전문가가 분류한 문제로만 학습했고 교사 판정은 쓰지 않았습니다.",
        "The base stage: trained on problems with expert labels, without teachers' rankings.",
    ),
    "numbers": Say("모든 수치", "All figures"),
    "figure": Say("지표", "figure"),
    "value": Say("값", "value"),
    "interval": Say("신뢰구간", "interval"),
    "rounds_table": Say("라운드별 수치", "Round by round"),
    "recipe": Say("학습 방법", "recipe"),
    "parent": Say("출발 모델", "parent"),
    "decision": Say("결정", "decision"),
    "baseline": Say("고전 기준선 (TF-IDF + 로지스틱 회귀)", "classical baseline (TF-IDF + logistic regression)"),
    "provenance": Say("이 결과가 만들어진 조건", "Provenance"),
    "by_person": Say("(사람이 결정)", "(by a person)"),
    "rule": Say("결정 규칙", "rule"),
    "problems": Say("문제", "problems"),
    "cell_count": Say("문제 수", "problems"),
    "confidence": Say("확신", "confidence"),
    "flag": Say("판정", "flag"),
    "footer": Say(
        "검증용 문제는 교사에게 보이지 않고 학습에도 쓰지 않습니다. "
        "이 파일은 인터넷에 접속하지 않으며, 걸린 시간을 빼고는 같은 자료에서 늘 같은 내용이 나옵니다.",
        "Hold-out problems are never shown to teachers and never trained on. "
        "This file sends no request. The same data give the same file, except for the times.",
    ),
}
