// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

// coSet declares co-partitioned topics with n partitions each: coSet(4, "a", "b").
func coSet(n int32, topics ...string) topicSet {
	counts := make([]int32, len(topics))
	for i := range counts {
		counts[i] = n
	}
	return topicSet{Topics: topics, Partitions: counts}
}

func saying(id string, workers int, sets ...topicSet) candidate {
	return candidate{ID: id, subscription: subscription{Workers: workers, Sets: sets}}
}

func (c candidate) owning(topic string, indexes ...int32) candidate {
	for _, i := range indexes {
		c.Owned = append(c.Owned, Partition{topic, i})
	}
	return c
}

// showPlan is an assignment as text: "m1: a-0 b-0; m2: a-1 b-1".
func showPlan(a assignment) string {
	var members []string
	for _, id := range slices.Sorted(maps.Keys(a.parts)) {
		parts := slices.Clone(a.parts[id])
		sortPartitions(parts)
		line := id + ":"
		for _, p := range parts {
			line += " " + p.String()
		}
		members = append(members, line)
	}
	return strings.Join(members, "; ")
}

var planCases = []struct {
	name    string
	members []candidate
	want    string
	held    int
	warns   string
}{
	{
		name:    "one member gets everything",
		members: []candidate{saying("m1", 1, coSet(2, "a", "b"), coSet(1, "c"))},
		want:    "m1: a-0 a-1 b-0 b-1 c-0",
	},
	{
		name: "co-partitioned topics go together and every set is spread",
		members: []candidate{
			saying("m1", 1, coSet(2, "a", "b"), coSet(2, "c")), saying("m2", 1, coSet(2, "a", "b"), coSet(2, "c")),
		},
		want: "m1: a-0 b-0 c-0; m2: a-1 b-1 c-1",
	},
	{
		name:    "shares follow the workers",
		members: []candidate{saying("m1", 1, coSet(6, "a")), saying("m2", 2, coSet(6, "a"))},
		want:    "m1: a-1 a-4; m2: a-0 a-2 a-3 a-5",
	},
	{
		name: "what moves is held back until its owner has let it go",
		members: []candidate{
			saying("m1", 1, coSet(4, "a")).owning("a", 0, 1, 2, 3), saying("m2", 1, coSet(4, "a")),
		},
		want: "m1: a-2 a-3; m2:", held: 2,
	},
	{
		name:    "and is handed over afterwards",
		members: []candidate{saying("m1", 1, coSet(4, "a")).owning("a", 2, 3), saying("m2", 1, coSet(4, "a"))},
		want:    "m1: a-2 a-3; m2: a-0 a-1",
	},
	{
		name: "all of a task is held back when a part of it is",
		members: []candidate{
			saying("m1", 1, coSet(1, "a", "b")).owning("a", 0), saying("m2", 1, coSet(1, "a", "b")).owning("b", 0),
		},
		want: "m1:; m2:", held: 1,
	},
	{
		name: "a task whose owner is gone goes where its state is",
		members: []candidate{
			saying("m1", 1, coSet(2, "a")),
			{ID: "m2", subscription: subscription{Sets: []topicSet{coSet(2, "a")}, Warm: map[string][]int32{"a": {0}}}},
		},
		want: "m1: a-1; m2: a-0",
	},
	{
		name:    "a topic that is missing stops its set only",
		members: []candidate{saying("m1", 1, topicSet{[]string{"a", "b"}, []int32{3, 0}}, coSet(1, "c"))},
		want:    "m1: c-0", warns: "topic b does not exist: a,b wait until it is created",
	},
	{
		name:    "different counts forget no partition, and say so",
		members: []candidate{saying("m1", 1, topicSet{[]string{"a", "b"}, []int32{1, 2}})},
		want:    "m1: a-0 b-0 b-1",
		warns:   "topics a and b are processed together but have 1 and 2 partitions: give them the same number",
	},
	{
		name:    "a partition that one member has seen exists",
		members: []candidate{saying("m1", 1, coSet(1, "a")), saying("m2", 1, coSet(2, "a"))},
		want:    "m1: a-0; m2: a-1",
	},
	{
		name:    "a sub-topology that only the new version has goes to the new version",
		members: []candidate{saying("new", 1, coSet(2, "a"), coSet(2, "b")), saying("old", 1, coSet(2, "a"))},
		want:    "new: b-0 b-1; old: a-0 a-1",
	},
	{
		name: "sets that overlap: the majority's",
		members: []candidate{
			saying("new", 1, coSet(2, "a", "b")), saying("old1", 1, coSet(2, "a")), saying("old2", 1, coSet(2, "a")),
		},
		want:  "new:; old1: a-0; old2: a-1",
		warns: "topics a,b, declared by 1 members, wait: more members declare a in another set; is an upgrade under way?",
	},
	{
		name:    "members who said nothing",
		members: []candidate{{ID: "m1"}, {ID: "m2", subscription: subscription{Sets: []topicSet{{}}}}},
		want:    "m1:; m2:",
	},
	{name: "no members", want: ""},
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for _, c := range planCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := plan(c.members)
			require.Equal(t, c.want, showPlan(a))
			require.Equal(t, c.held, a.held)
			require.Equal(t, c.warns, strings.Join(a.warnings, "\n"))
		})
	}
}

// simGroup is the members of a random group in the eyes of the test.
type simGroup []candidate

// settle plays the protocol: plan, everybody lets go of what it misses, joins again, until nobody has anything to let
// go. It fails when a partition would have two owners, or when the group does not come to rest.
func (g simGroup) settle(t *testing.T) (rounds int) {
	for rounds = 1; ; rounds++ {
		require.LessOrEqual(t, rounds, 3, "the group does not come to rest")
		a := plan(g)
		require.Equal(t, showPlan(a), showPlan(plan(g.shuffled())), "the plan depends on the order of members")
		owner := map[Partition]string{} // before anybody has revoked anything
		for _, m := range g {
			for _, p := range m.Owned {
				owner[p] = m.ID
			}
		}
		changed := false
		for i := range g {
			next := a.parts[g[i].ID]
			for _, p := range next {
				require.Contains(t, []string{"", g[i].ID}, owner[p], "%v given to %s", p, g[i].ID)
				owner[p] = g[i].ID
			}
			changed = changed || len(without(g[i].Owned, next)) > 0
			g[i].Owned = next
		}
		if !changed {
			require.Zero(t, a.held, "tasks are held back for ever")
			return rounds
		}
	}
}

func (g simGroup) shuffled() simGroup {
	s := slices.Clone(g)
	rand.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	return s
}

// tasksOf is the number of tasks of m: partitions of the first topic of each set.
func tasksOf(m candidate) (n int) {
	for _, s := range m.Sets {
		for _, p := range m.Owned {
			if p.Topic == s.Topics[0] {
				n++
			}
		}
	}
	return n
}

// check looks at a group at rest: every task has one owner with all of its topics, and no single move would help.
func (g simGroup) check(t *testing.T, sets []topicSet) {
	owner := map[Partition]string{}
	for _, m := range g {
		for _, p := range m.Owned {
			require.Empty(t, owner[p], "%v has two owners", p)
			owner[p] = m.ID
		}
	}
	for _, s := range sets {
		for i := range s.Partitions[0] {
			first := owner[Partition{s.Topics[0], i}]
			require.NotEmpty(t, first, "%s-%d has no owner", s.Topics[0], i)
			for _, topic := range s.Topics {
				require.Equal(t, first, owner[Partition{topic, i}], "%s-%d is apart from %s", topic, i, s.Topics[0])
			}
		}
	}
	for _, a := range g {
		for _, b := range g {
			higher, lower := tasksOf(a)*b.Workers, (tasksOf(b)+1)*a.Workers
			require.LessOrEqual(t, higher, lower, "%s has %d tasks, %s has %d", a.ID, tasksOf(a), b.ID, tasksOf(b))
		}
	}
}

// fewestMoves is how many tasks of members that are still there must move: the higher of what some have too much of
// and what others have too little of.
func (g simGroup) fewestMoves(tasks int) int {
	floor := tasks / len(g)
	ceiling := (tasks + len(g) - 1) / len(g)
	above, below, unowned := 0, 0, tasks
	for _, m := range g {
		n := tasksOf(m)
		unowned -= n
		above += max(n-ceiling, 0)
		below += max(floor-n, 0)
	}
	return max(above, below-unowned)
}

// movedTasks is how many tasks changed hands between members of before.
func movedTasks(before, after simGroup) (n int) {
	for _, m := range after {
		for _, p := range m.Owned {
			first := slices.ContainsFunc(m.Sets, func(s topicSet) bool { return s.Topics[0] == p.Topic })
			from := slices.IndexFunc(before, func(o candidate) bool { return slices.Contains(o.Owned, p) })
			if first && from >= 0 && before[from].ID != m.ID {
				n++
			}
		}
	}
	return n
}

func (g simGroup) clone() simGroup {
	c := slices.Clone(g)
	for i := range c {
		c[i].Owned = slices.Clone(c[i].Owned)
	}
	return c
}

// Random groups whose members come, go, fail, come back with state on disk, and see topics grow.
func TestPlanKeepsItsPromisesOverRandomHistories(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		sets := randomSets(r)
		weighted := r.IntN(3) == 0
		var g simGroup
		for next := range 12 {
			joins := r.IntN(3)
			for i := range joins {
				m := saying(fmt.Sprintf("m%02d-%d-%d", r.IntN(100), next, i), 1, sets...)
				if weighted {
					m.Workers = 1 + r.IntN(4)
				}
				if r.IntN(2) == 0 {
					m.Warm = randomWarm(r, sets)
				}
				g = append(g, m)
			}
			if len(g) > 1 && r.IntN(2) == 0 {
				i := r.IntN(len(g))
				g = slices.Delete(g, i, i+1)
			}
			if len(g) == 0 {
				continue
			}
			if r.IntN(4) == 0 {
				sets = grow(r, sets)
				for i := range g {
					g[i].Sets = sets
				}
			}
			tasks := 0
			for _, s := range sets {
				tasks += int(s.Partitions[0])
			}
			before, fewest := g.clone(), g.fewestMoves(tasks)
			g.settle(t)
			g.check(t, sets)
			if !weighted {
				require.Equal(t, fewest, movedTasks(before, g), "tasks moved without need")
			}
			rest := g.clone()
			require.Equal(t, 1, g.settle(t), "a group at rest moves")
			require.Zero(t, movedTasks(rest, g))
		}
	}
}

func randomSets(r *rand.Rand) []topicSet {
	var sets []topicSet
	for i := range 1 + r.IntN(4) {
		topics := []string{fmt.Sprintf("s%d", i)}
		for j := range r.IntN(3) {
			topics = append(topics, fmt.Sprintf("s%d-%d", i, j))
		}
		sets = append(sets, coSet(int32(1+r.IntN(12)), topics...))
	}
	return sets
}

func grow(r *rand.Rand, sets []topicSet) []topicSet {
	grown := slices.Clone(sets)
	i := r.IntN(len(grown))
	grown[i] = coSet(grown[i].Partitions[0]+int32(r.IntN(5)), grown[i].Topics...)
	return grown
}

func randomWarm(r *rand.Rand, sets []topicSet) map[string][]int32 {
	warm := map[string][]int32{}
	for _, s := range sets {
		for i := range s.Partitions[0] {
			if r.IntN(3) == 0 {
				warm[s.Topics[0]] = append(warm[s.Topics[0]], i)
			}
		}
	}
	return warm
}

// Members of a rolling upgrade disagree about sets, and others send nonsense: nothing crashes, nobody shares a
// partition, topics of a set stay together, and when the last old member is gone everything runs.
func TestPlanSurvivesDisagreement(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	topics := []string{"a", "b", "c", "d", "e"}
	version := func() []topicSet { // a random partition of some of the topics into sets
		bySet := map[int][]string{}
		for _, topic := range topics {
			if n := r.IntN(4); n > 0 {
				bySet[n] = append(bySet[n], topic)
			}
		}
		var sets []topicSet
		for _, n := range slices.Sorted(maps.Keys(bySet)) {
			sets = append(sets, coSet(int32(r.IntN(5)), bySet[n]...))
		}
		return sets
	}
	for range 100 {
		older, newer := version(), version()
		for i := range newer { // as many partitions as the other version sees: they look at the same cluster
			for j := range newer[i].Partitions {
				newer[i].Partitions[j] = 3
			}
		}
		var g simGroup
		n := 1 + r.IntN(5)
		for i := range n {
			g = append(g, saying(fmt.Sprintf("m%d", i), r.IntN(3), older...))
		}
		if r.IntN(2) == 0 {
			g = append(g, candidate{ID: "mute"})
		}
		g.settle(t)
		for i := range n {
			g[i] = saying(fmt.Sprintf("m%d-upgraded", i), 1, newer...)
			g.settle(t)
		}
		var upgraded simGroup
		for _, m := range g {
			if len(m.Sets) > 0 {
				upgraded = append(upgraded, m)
			}
		}
		if len(upgraded) > 0 {
			upgraded.check(t, newer)
		}
	}
}

func TestSubscriptionAndAssignmentSurviveTheWire(t *testing.T) {
	t.Parallel()
	owned := []Partition{{"a", 0}, {"a", 1}, {"b", 2}}
	said := subscription{Workers: 3, Sets: []topicSet{coSet(4, "a", "b")}, Warm: map[string][]int32{"a": {3}}, Round: 7}
	meta, err := joinMetadata(said, owned)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, meta.Topics)
	req := &sarama.JoinGroupRequest{}
	require.NoError(t, req.AddGroupProtocolMetadata(protocolName, meta))
	mute := &sarama.JoinGroupRequest{}
	require.NoError(t, mute.AddGroupProtocolMetadata(protocolName, &sarama.ConsumerGroupMemberMetadata{
		Version: 1, Topics: []string{"a"}, UserData: []byte("{not json"),
	}))
	got, warnings, err := candidates(&sarama.JoinGroupResponse{Members: []sarama.GroupMember{
		{MemberId: "m1", Metadata: req.OrderedGroupProtocols[0].Metadata},
		{MemberId: "m2", Metadata: mute.OrderedGroupProtocols[0].Metadata},
	}})
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "m2")
	slices.SortFunc(got, func(a, b candidate) int { return strings.Compare(a.ID, b.ID) })
	require.Equal(t, []candidate{{ID: "m1", Owned: owned, subscription: said}, {ID: "m2"}}, got)

	sync := &sarama.SyncGroupRequest{}
	require.NoError(t, addAssignments(sync, assignment{parts: map[string][]Partition{"m1": owned, "m2": nil}, held: 2}))
	for i, want := range [][]Partition{owned, nil} {
		parts, v, err := readAssignment(&sarama.SyncGroupResponse{MemberAssignment: sync.GroupAssignments[i].Assignment})
		require.NoError(t, err)
		require.Equal(t, want, parts)
		require.Equal(t, 2, v.Held)
	}
	parts, _, err := readAssignment(&sarama.SyncGroupResponse{})
	require.NoError(t, err)
	require.Empty(t, parts)
}

func TestSetsOfCoPartitionedTopicsAreChecked(t *testing.T) {
	t.Parallel()
	for _, wrong := range [][][]string{nil, {{}}, {{"a", "a"}}, {{"a"}, {"b", "a"}}, {{""}}} {
		_, err := checkSets(wrong)
		require.Error(t, err, "%v", wrong)
	}
	sets, err := checkSets([][]string{{"z"}, {"c", "b"}})
	require.NoError(t, err)
	require.Equal(t, []topicSet{coSet(0, "b", "c"), coSet(0, "z")}, sets)
}

func BenchmarkPlanDoublesAGroup(b *testing.B) {
	one := saying("m0", 4, coSet(1000, "a", "b"), coSet(1000, "c"))
	for i := range int32(1000) {
		one.Owned = append(one.Owned, Partition{"a", i}, Partition{"b", i}, Partition{"c", i})
	}
	members := []candidate{one, saying("m1", 4, one.Sets...)}
	for b.Loop() {
		plan(members)
	}
}
