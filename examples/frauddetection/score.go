// SPDX-License-Identifier: Apache-2.0

package main

// Score compares alerts with the labels of the payments that they are about.
//
// An alert is right when its payment is a fraud, of whatever kind: a thief who shops abroad at night has often
// travelled impossibly fast, too. A fraud is found by a rule when one of its payments has an alert of that rule; a rule
// has to find the frauds that are labelled with it, and those without a label, which are for every rule to find.
//
// Owner: one goroutine.
type Score struct {
	rules map[Rule]*ruleScore
	all   ruleScore
}

type ruleScore struct {
	alerts, right int
	found         map[int]struct{} // cases
}

// Result is how well a rule, or all of them together, did.
type Result struct {
	Rule      Rule    `json:"rule"` // "all" for all of them together
	Alerts    int     `json:"alerts"`
	Right     int     `json:"right"`
	Cases     int     `json:"cases"`
	Found     int     `json:"found"`
	Precision float64 `json:"precision"` // Right of Alerts; 1 without alerts
	Recall    float64 `json:"recall"`    // Found of Cases; 1 without cases
}

// NewScore is a score without alerts.
func NewScore() *Score {
	s := &Score{rules: map[Rule]*ruleScore{}, all: ruleScore{found: map[int]struct{}{}}}
	for _, r := range Rules {
		s.rules[r] = &ruleScore{found: map[int]struct{}{}}
	}
	return s
}

// Add counts an alert. An alert of an unknown rule, which another version of the program may have written, counts for
// all rules together only.
func (s *Score) Add(a Alert) {
	s.all.add(a, true)
	if r, ok := s.rules[a.Rule]; ok {
		r.add(a, a.Payment.Rule == a.Rule || a.Payment.Rule == "")
	}
}

func (r *ruleScore) add(a Alert, mine bool) {
	r.alerts++
	if !a.Payment.Fraud {
		return
	}
	r.right++
	if mine {
		r.found[a.Payment.Case] = struct{}{}
	}
}

// Alerts is the number of alerts so far.
func (s *Score) Alerts() int { return s.all.alerts }

// Results are those of each rule, in order, and of all together, given the number of frauds of each kind in the data
// ("": without a label).
func (s *Score) Results(cases map[Rule]int) []Result {
	out := make([]Result, 0, len(Rules)+1)
	total := 0
	for _, n := range cases {
		total += n
	}
	for _, r := range Rules {
		out = append(out, s.rules[r].result(r, cases[r]+cases[""]))
	}
	return append(out, s.all.result("all", total))
}

func (r *ruleScore) result(name Rule, cases int) Result {
	// A fraud that has begun can be found before the generator counts it as complete.
	found := min(len(r.found), cases)
	return Result{
		Rule: name, Alerts: r.alerts, Right: r.right, Cases: cases, Found: found,
		Precision: ratio(r.right, r.alerts), Recall: ratio(found, cases),
	}
}

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}
