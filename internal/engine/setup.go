// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
)

// setUp checks the topics that the plan reads and writes, and creates those between and behind operators. Every process
// of the application does so at its start; whoever comes second finds them made.
func (p *process) setUp(ctx context.Context) error {
	counts := map[string]int32{}
	var missing []error
	for _, n := range p.plan.Graph.Nodes {
		if n.Topic == "" || n.Role == graph.Operator || n.Role == graph.Exchange {
			continue
		}
		count, err := p.client.Partitions(ctx, n.Topic)
		switch {
		case errors.Is(err, kafka.ErrTopicMissing):
			missing = append(missing, fmt.Errorf("%s: topic %q: %w: create it before the program starts, "+
				"or correct its name", n.Where, n.Topic, err))
		case err != nil:
			return fmt.Errorf("topic %q: %w", n.Topic, err)
		}
		counts[n.Topic] = count
	}
	if err := errors.Join(missing...); err != nil {
		return err
	}
	if err := p.warnOfCompaction(ctx); err != nil {
		return err
	}
	perSub, exchanges, err := p.plan.Graph.PartitionCounts(counts)
	if err != nil {
		return err
	}
	p.partitions = perSub
	topics := p.internalTopics(perSub, exchanges)
	if err := p.client.CreateTopics(ctx, topics); err != nil {
		return fmt.Errorf("internal topics: %w", err)
	}
	if err := p.client.EnsureConfigs(ctx, topics); err != nil {
		return fmt.Errorf("internal topics: %w", err)
	}
	return nil
}

// warnOfCompaction tells of topics that lose versions before versioned tables have read them. What the tables have read
// is right, so it is not an error.
func (p *process) warnOfCompaction(ctx context.Context) error {
	history := map[string]int64{}
	for _, n := range p.plan.Graph.Nodes {
		if n.Role == graph.Source && n.History > 0 {
			history[n.Topic] = n.History
		}
	}
	compacted, err := p.client.Compaction(ctx, slices.Sorted(maps.Keys(history)))
	if err != nil {
		return err
	}
	for topic, after := range compacted {
		if after < history[topic] {
			p.opts.Log.Warn("the topic of a versioned table is compacted: a program that reads it from the beginning finds "+
				"old versions gone; set its min.compaction.lag.ms to the table's history, or its cleanup.policy to delete",
				"topic", topic, "min.compaction.lag.ms", after, "history", history[topic])
		}
	}
	return nil
}

func (p *process) internalTopics(perSub []int32, exchanges map[string]int32) []kafka.TopicSpec {
	var specs []kafka.TopicSpec
	add := func(name string, partitions int32, configs map[string]string) {
		specs = append(specs, kafka.TopicSpec{
			Name: name, Partitions: partitions, ReplicationFactor: p.opts.ReplicationFactor, Configs: configs, AnyTime: true,
		})
	}
	for name, n := range exchanges {
		// Records leave when the readers have committed them, by DeleteRecords: never by time, which an operator's
		// event time says nothing about.
		add(name, n, map[string]string{
			"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "message.timestamp.type": "CreateTime",
		})
	}
	for i, sub := range p.plan.Subs {
		for _, s := range sub.Stores {
			if !s.Unlogged {
				add(graph.ChangelogName(p.plan.App, s.Name), perSub[i], changelogConfigs(s))
			}
		}
	}
	if p.opts.Policies.Uses(task.DeadLetter) {
		add(p.opts.Policies.DeadLetters, 1, nil)
	}
	return specs
}

// changelogConfigs let a changelog keep what its store keeps: the newest value per key, and of windows only those that
// are not expired. The broker deletes by wall time, counted from when a row was written last, so both kinds of deletion
// wait for longestDowntime beyond what the store itself asks for.
func changelogConfigs(s state.Spec) map[string]string {
	configs := map[string]string{
		"cleanup.policy":      "compact",
		"retention.bytes":     "-1", // a cluster's default must not delete rows
		"delete.retention.ms": strconv.FormatInt(longestDowntime.Milliseconds(), 10),
	}
	if s.Retention > 0 {
		configs["cleanup.policy"] = "compact,delete"
		configs["retention.ms"] = strconv.FormatInt(s.Retention+longestDowntime.Milliseconds(), 10)
	}
	return configs
}
