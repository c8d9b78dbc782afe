// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// plan is the assignment of one generation, from what every member said when it joined. It is a pure function: the
// order of members does not matter, and whichever member leads the group comes to the same answer.
//
// What it hands out are tasks: partition p of all topics of a co-partitioned set. It works in four steps:
//
//	keep   a task stays where it runs
//	place  the others go to a member that has their state on disk, else to the one with the least to do
//	level  as long as moving one task evens the load, the one that costs least moves
//	hold   a task that anybody but its new owner still runs is given to nobody
//
// The last step is the cooperative protocol (KIP-429): a member that sees a task missing from its assignment commits,
// lets it go and joins again, and then the same three steps lead to the same place, where nobody holds it any more.
//
// Computing quotas first and filling them, as Kafka's sticky assignors do, gives the same when all members run the
// same sets with the same number of workers. It gets difficult when they do not, and "move while it helps" does not.
func plan(members []candidate) assignment {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b candidate) int { return strings.Compare(a.ID, b.ID) })
	units, warnings := unitsOf(members)
	p := newPlanner(members, units)
	p.keep()
	p.place()
	p.level()
	return p.hold(warnings)
}

// candidate is a member that has joined, and what it said.
type candidate struct {
	ID    string
	Owned []Partition
	subscription
}

// assignment is what the leader sends.
type assignment struct {
	parts    map[string][]Partition // by member; every member has an entry
	held     int                    // tasks that wait for their old owner: another rebalance follows soon
	warnings []string               // what nobody can run, and why
}

// unit is a set of co-partitioned topics, and who runs it.
type unit struct {
	topics  []string
	counts  []int32 // partitions, by topic: the most that any runner has seen
	runners []int   // members that declared exactly this set
}

// task is one partition of a unit.
type task struct {
	unit  int
	index int32
}

// nobody stands where a member's index would.
const nobody = -1

// unitsOf gathers the sets that the members declared.
//
// While a topology with other sets is being rolled out the old and the new members disagree, say on {a} and {a, b}.
// Giving a-0 to an old member and b-0 to a new one would break the join that made them co-partitioned, and giving a-0
// to both would be worse. So sets that overlap exclude each other, and the one that more members declare wins: the old
// until half of the members are new. Members of the other kind wait with the rest of their sets.
func unitsOf(members []candidate) ([]unit, []string) {
	declared := map[string]*unit{}
	for i, m := range members {
		for _, s := range m.Sets {
			key := strings.Join(s.Topics, "\x00")
			u := declared[key]
			if u == nil {
				u = &unit{topics: s.Topics, counts: make([]int32, len(s.Topics))}
				declared[key] = u
			}
			if !slices.Contains(u.runners, i) {
				u.runners = append(u.runners, i)
			}
			for j := range min(len(u.counts), len(s.Partitions)) {
				u.counts[j] = max(u.counts[j], s.Partitions[j])
			}
		}
	}
	order := make([]*unit, 0, len(declared))
	for _, u := range declared {
		order = append(order, u)
	}
	slices.SortFunc(order, func(a, b *unit) int {
		return cmp.Or(cmp.Compare(len(b.runners), len(a.runners)), cmp.Compare(len(b.topics), len(a.topics)),
			slices.Compare(a.topics, b.topics))
	})
	var units []unit
	var warnings []string
	taken := map[string]bool{}
	for _, u := range order {
		if i := slices.IndexFunc(u.topics, func(t string) bool { return taken[t] }); i >= 0 {
			warnings = append(warnings, fmt.Sprintf("topics %s, declared by %d members, wait: more members declare %s "+
				"in another set; is an upgrade under way?", strings.Join(u.topics, ","), len(u.runners), u.topics[i]))
			continue
		}
		for _, t := range u.topics {
			taken[t] = true
		}
		warnings = append(warnings, u.problems()...)
		units = append(units, *u)
	}
	slices.SortFunc(units, func(a, b unit) int { return slices.Compare(a.topics, b.topics) })
	return units, warnings
}

// partitions is the number of tasks: none while a topic is missing, since the others alone would be half a join.
// When the counts differ it is the highest, so that no record is forgotten; the engine refuses such a task.
func (u *unit) partitions() int32 {
	if len(u.counts) == 0 || slices.Min(u.counts) <= 0 {
		return 0
	}
	return slices.Max(u.counts)
}

// parts is what belongs to the task with this index.
func (u *unit) parts(index int32) []Partition {
	parts := make([]Partition, 0, len(u.topics))
	for i, topic := range u.topics {
		if index < u.counts[i] {
			parts = append(parts, Partition{topic, index})
		}
	}
	return parts
}

func (u *unit) problems() []string {
	var found []string
	for i, n := range u.counts {
		switch {
		case n <= 0:
			found = append(found, fmt.Sprintf("topic %s does not exist: %s wait until it is created",
				u.topics[i], strings.Join(u.topics, ",")))
		case n != u.counts[0] && u.counts[0] > 0:
			found = append(found, fmt.Sprintf("topics %s and %s are processed together but have %d and %d partitions: "+
				"give them the same number", u.topics[0], u.topics[i], u.counts[0], n))
		}
	}
	return found
}

// planner is the work of one plan.
//
//  1. load[m] is the number of tasks t with to[t] == m, and share[u][m] that of those of unit u.
//  2. to[t] is nobody, before place, or one of the runners of t's unit.
type planner struct {
	members []candidate
	units   []unit
	tasks   []task
	claims  map[Partition][]int // who says that it owns a partition
	warm    map[Partition][]int // who has state for a task, by the task's first partition
	runs    []int               // by task: who runs it now
	to      []int               // by task: who shall run it
	load    []int
	share   [][]int
}

func newPlanner(members []candidate, units []unit) *planner {
	p := &planner{
		members: members, units: units, claims: map[Partition][]int{}, warm: map[Partition][]int{},
		load: make([]int, len(members)), share: make([][]int, len(units)),
	}
	for i, m := range members {
		for _, part := range m.Owned {
			p.claims[part] = append(p.claims[part], i)
		}
		for topic, indexes := range m.Warm {
			for _, index := range indexes {
				part := Partition{topic, index}
				p.warm[part] = append(p.warm[part], i)
			}
		}
	}
	for i := range units {
		p.share[i] = make([]int, len(members))
		for index := range units[i].partitions() {
			p.tasks = append(p.tasks, task{i, index})
			p.runs, p.to = append(p.runs, nobody), append(p.to, nobody)
		}
	}
	return p
}

// keep leaves a task with the member that claims most of it.
func (p *planner) keep() {
	for i, t := range p.tasks {
		u := &p.units[t.unit]
		votes := map[int]int{}
		for _, part := range u.parts(t.index) {
			for _, m := range p.claims[part] {
				votes[m]++
			}
		}
		for _, m := range u.runners { // in order: the same member wins a tie everywhere
			if votes[m] > 0 && (p.runs[i] == nobody || votes[m] > votes[p.runs[i]]) {
				p.runs[i] = m
			}
		}
		if p.runs[i] != nobody {
			p.give(i, p.runs[i])
		}
	}
}

// place finds an owner for what nobody runs. Tasks with state somewhere come first: the others can go anywhere.
func (p *planner) place() {
	for _, warmOnly := range []bool{true, false} {
		for i, t := range p.tasks {
			if p.to[i] != nobody {
				continue
			}
			able := p.units[t.unit].runners
			if warmOnly {
				able = p.warmOf(i)
			}
			if m := p.lightest(t.unit, able); m != nobody {
				p.give(i, m)
			}
		}
	}
}

// level moves single tasks as long as that helps. It ends: every move lowers the higher of two relative loads, and
// leaves the other one below where the higher was.
func (p *planner) level() {
	for {
		i, m := p.bestMove()
		if i == nobody {
			return
		}
		p.give(i, m)
	}
}

// bestMove is the move that evens the load most; of equal ones the cheapest; of those the one that spreads its unit.
func (p *planner) bestMove() (taskIndex, to int) {
	lightest := make([]int, len(p.units))
	for u := range p.units {
		lightest[u] = p.lightest(u, p.units[u].runners)
	}
	best, bestGain, bestCost, bestSpread := nobody, 0.0, 0, 0
	for i, t := range p.tasks {
		from, to := p.to[i], lightest[t.unit]
		if !p.helps(from, to) {
			continue
		}
		gain := p.relative(from, 0) - p.relative(to, 1)
		if best != nobody && gain < bestGain {
			continue
		}
		cost, spread := p.cost(i, to), p.share[t.unit][from]-p.share[t.unit][to]
		order := cmp.Or(cmp.Compare(bestGain, gain), cmp.Compare(cost, bestCost), cmp.Compare(bestSpread, spread))
		if best == nobody || order < 0 {
			best, bestGain, bestCost, bestSpread = i, gain, cost, spread
		}
	}
	if best == nobody {
		return nobody, nobody
	}
	return best, lightest[p.tasks[best].unit]
}

// cost ranks moving task i from where it is to another member: stopping what runs is worst, then leaving state behind,
// then having to restore it.
func (p *planner) cost(i, to int) int {
	cost := 0
	if p.runs[i] == p.to[i] {
		cost += 4
	}
	warm := p.warmOf(i)
	if slices.Contains(warm, p.to[i]) {
		cost += 2
	}
	if !slices.Contains(warm, to) {
		cost++
	}
	return cost
}

// warmOf is who has state for task i and may run it.
func (p *planner) warmOf(i int) []int {
	u := &p.units[p.tasks[i].unit]
	have := p.warm[Partition{u.topics[0], p.tasks[i].index}]
	if len(have) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(have), func(m int) bool { return !slices.Contains(u.runners, m) })
}

// lightest is who of able would have the least to do after one more task of unit u; of equal ones, who has fewest of u.
func (p *planner) lightest(u int, able []int) int {
	best := nobody
	for _, m := range able {
		if best == nobody {
			best = m
			continue
		}
		order := cmp.Or(cmp.Compare(p.relative(m, 1), p.relative(best, 1)),
			cmp.Compare(p.share[u][m], p.share[u][best]))
		if order < 0 {
			best = m
		}
	}
	return best
}

// helps says whether a task's move lowers the higher of the two relative loads. Exact, so that level ends.
func (p *planner) helps(from, to int) bool {
	return p.load[from]*p.workers(to) > (p.load[to]+1)*p.workers(from)
}

// relative is what a worker of m has to do when m gets more tasks.
func (p *planner) relative(m, more int) float64 {
	return float64(p.load[m]+more) / float64(p.workers(m))
}

func (p *planner) workers(m int) int { return max(p.members[m].Workers, 1) }

// give makes m the owner of task i.
func (p *planner) give(i, m int) {
	unit := p.tasks[i].unit
	if old := p.to[i]; old != nobody {
		p.load[old]--
		p.share[unit][old]--
	}
	p.to[i] = m
	p.load[m]++
	p.share[unit][m]++
}

// hold gives out what is free. A task is free for its owner when nobody else claims any part of it: all of a task or
// nothing, so that co-partitioned topics never part.
func (p *planner) hold(warnings []string) assignment {
	a := assignment{parts: make(map[string][]Partition, len(p.members)), warnings: warnings}
	for _, m := range p.members {
		a.parts[m.ID] = nil
	}
	for i, t := range p.tasks {
		parts := p.units[t.unit].parts(t.index)
		claimed := slices.ContainsFunc(parts, func(part Partition) bool {
			return slices.ContainsFunc(p.claims[part], func(m int) bool { return m != p.to[i] })
		})
		if claimed {
			a.held++
			continue
		}
		id := p.members[p.to[i]].ID
		a.parts[id] = append(a.parts[id], parts...)
	}
	return a
}
