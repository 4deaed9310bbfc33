/* advice.h: what a reviewer does about a finding (advice.def). */
#ifndef ADVICE_H
#define ADVICE_H

/* A few sentences, static; NULL when nothing is known of such a rule. */
const char *report_advice(const char *rule_id);

#endif
