// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/IBM/sarama"
)

// subscription is what a member says about itself when it joins, besides topics and owned partitions: the user data of
// Kafka's subscription, as JSON. The leader may be older or newer than the member: fields are only ever added, and a
// field that is not understood is ignored.
type subscription struct {
	// Workers is what the member's share is proportional to.
	Workers int `json:"workers"`
	// Sets are the co-partitioned sets of topics that the member runs, sorted.
	Sets []topicSet `json:"sets"`
	// Warm is for which partitions of each set's first topic the member has state on disk.
	Warm map[string][]int32 `json:"warm,omitempty"`
	// Round counts the times that the member asked for a rebalance. A coordinator answers a member that joins with
	// what it said before from the running generation; only something new starts a rebalance.
	Round int64 `json:"round,omitempty"`
}

// topicSet is topics in order, and how many partitions of each the member sees. The leader takes the most that anyone
// has seen: it needs to ask nobody, also about topics of which it knows nothing itself.
type topicSet struct {
	Topics     []string `json:"topics"`
	Partitions []int32  `json:"partitions"`
}

// verdict is the user data of an assignment.
type verdict struct {
	// Held is how many tasks wait for their old owners, whose rejoining the others should notice quickly.
	Held int `json:"held,omitempty"`
}

// The group's protocol. Another name would be needed if members could no longer follow the leader's assignment; the
// type is the one under which tools show the members' partitions.
const (
	protocolType = "consumer"
	protocolName = "irmak"
)

// checkSets gives sets in the order that plan compares them in.
func checkSets(sets [][]string) ([]topicSet, error) {
	var sorted []topicSet
	seen := map[string]bool{}
	for _, set := range sets {
		if len(set) == 0 {
			return nil, fmt.Errorf("kafka: a set of co-partitioned topics is empty")
		}
		topics := slices.Sorted(slices.Values(set))
		for _, t := range topics {
			if t == "" || seen[t] {
				return nil, fmt.Errorf("kafka: topic %q is named twice or empty: a topic belongs to one set of "+
					"co-partitioned topics", t)
			}
			seen[t] = true
		}
		sorted = append(sorted, topicSet{Topics: topics, Partitions: make([]int32, len(topics))})
	}
	if len(sorted) == 0 {
		return nil, fmt.Errorf("kafka: a group member needs at least one topic")
	}
	slices.SortFunc(sorted, func(a, b topicSet) int { return slices.Compare(a.Topics, b.Topics) })
	return sorted, nil
}

// joinMetadata is what JoinGroup carries.
func joinMetadata(s subscription, owned []Partition) (*sarama.ConsumerGroupMemberMetadata, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode subscription: %w", err)
	}
	meta := &sarama.ConsumerGroupMemberMetadata{Version: 1, UserData: data}
	for _, set := range s.Sets {
		meta.Topics = append(meta.Topics, set.Topics...)
	}
	slices.Sort(meta.Topics)
	indexes := byTopic(owned)
	for _, topic := range slices.Sorted(maps.Keys(indexes)) {
		meta.OwnedPartitions = append(meta.OwnedPartitions,
			&sarama.OwnedPartition{Topic: topic, Partitions: indexes[topic]})
	}
	return meta, nil
}

// candidates reads what the members said. One whose words are not understood gets no tasks
// and gives up those that it has.
func candidates(res *sarama.JoinGroupResponse) ([]candidate, []string, error) {
	metas, err := res.GetMembers()
	if err != nil {
		return nil, nil, fmt.Errorf("decode the members' subscriptions: %w", err)
	}
	var members []candidate
	var warnings []string
	for id, meta := range metas {
		m := candidate{ID: id}
		for _, o := range meta.OwnedPartitions {
			for _, index := range o.Partitions {
				m.Owned = append(m.Owned, Partition{o.Topic, index})
			}
		}
		if err := json.Unmarshal(meta.UserData, &m.subscription); err != nil {
			m.subscription = subscription{}
			warnings = append(warnings, fmt.Sprintf("member %s gets nothing, its subscription is unreadable: %v", id, err))
		}
		members = append(members, m)
	}
	return members, warnings, nil
}

// addAssignments puts a into the leader's request.
func addAssignments(req *sarama.SyncGroupRequest, a assignment) error {
	data, err := json.Marshal(verdict{Held: a.held})
	if err != nil {
		return fmt.Errorf("encode assignment: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(a.parts)) {
		one := &sarama.ConsumerGroupMemberAssignment{Topics: byTopic(a.parts[id]), UserData: data}
		if err := req.AddGroupAssignmentMember(id, one); err != nil {
			return fmt.Errorf("encode assignment: %w", err)
		}
	}
	return nil
}

// readAssignment is a member's part of it, sorted.
func readAssignment(res *sarama.SyncGroupResponse) ([]Partition, verdict, error) {
	var v verdict
	if len(res.MemberAssignment) == 0 {
		return nil, v, nil
	}
	one, err := res.GetMemberAssignment()
	if err != nil {
		return nil, v, fmt.Errorf("decode assignment: %w", err)
	}
	var parts []Partition
	for topic, indexes := range one.Topics {
		for _, index := range indexes {
			parts = append(parts, Partition{topic, index})
		}
	}
	sortPartitions(parts)
	_ = json.Unmarshal(one.UserData, &v) // advice only: a leader of another version may say nothing
	return parts, v, nil
}

func sortPartitions(parts []Partition) {
	slices.SortFunc(parts, func(a, b Partition) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		return int(a.Index) - int(b.Index)
	})
}

// without is the members of a that are not in b, in a's order.
func without(a, b []Partition) []Partition {
	in := make(map[Partition]struct{}, len(b))
	for _, p := range b {
		in[p] = struct{}{}
	}
	var rest []Partition
	for _, p := range a {
		if _, ok := in[p]; !ok {
			rest = append(rest, p)
		}
	}
	return rest
}
