// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
)

// EnsureConfigs holds the settings of topics that exist against those of specs. Limits that are too low, which would
// let a broker delete or refuse what is still needed, are raised: they follow from the topology, which may have changed
// since the topic was made. Larger ones stay. A clean-up policy that loses records is an error, because what it has
// deleted already does not come back.
//
// Who may not see or change settings is told in the log what they should be, and goes on.
func (c *Client) EnsureConfigs(ctx context.Context, specs []TopicSpec) error {
	var names []string
	for _, s := range specs {
		if len(s.Configs) > 0 {
			names = append(names, s.Name)
		}
	}
	present, err := c.settingsOf(ctx, names, append([]string{cleanupPolicy}, limits...)...)
	if err != nil {
		return err
	}
	raise := map[string]settings{}
	var wrong []error
	for _, s := range specs {
		have, known := present[s.Name]
		if !known {
			continue // it may not be seen
		}
		policy, want := have[cleanupPolicy], s.settings()
		if lost := loses(policy, want[cleanupPolicy]); lost != "" {
			wrong = append(wrong, fmt.Errorf("topic %s has cleanup.policy=%s, which %s: set it to %s if nothing is lost "+
				"yet, or delete the topic and reset the application", s.Name, policy, lost, want[cleanupPolicy]))
			continue
		}
		if low := have.below(want); len(low) > 0 {
			raise[s.Name] = low
		}
	}
	if err := errors.Join(wrong...); err != nil || len(raise) == 0 {
		return err
	}
	err = c.retry(ctx, "raise settings of topics", func(ctx context.Context) error { return c.raiseConfigs(ctx, raise) })
	if errors.Is(err, ErrUnauthorized) {
		c.log.Warn("settings of internal topics are too low and may not be changed by this program; set them, or brokers "+
			"will delete what is needed", "settings", raise, "error", err)
		return nil
	}
	return err
}

// Compaction says whether old records of the topics' keys are dropped, and after how many milliseconds at the earliest.
// Topics of which that may not be seen, and those that do not compact, are left out.
func (c *Client) Compaction(ctx context.Context, topics []string) (after map[string]int64, err error) {
	present, err := c.settingsOf(ctx, topics, cleanupPolicy, compactionLag)
	if err != nil {
		return nil, err
	}
	after = map[string]int64{}
	for topic, have := range present {
		if slices.Contains(strings.Split(have[cleanupPolicy], ","), "compact") {
			after[topic], _ = strconv.ParseInt(have[compactionLag], 10, 64)
		}
	}
	return after, nil
}

// settings are those of one topic.
type settings map[string]string

const (
	cleanupPolicy  = "cleanup.policy"
	retentionBytes = "retention.bytes"
	retentionTime  = "retention.ms"
	deletesKept    = "delete.retention.ms"
	compactionLag  = "min.compaction.lag.ms"
)

// limits are the settings of which more is never wrong.
var limits = []string{retentionBytes, retentionTime, deletesKept, newestTime}

func (s TopicSpec) settings() settings {
	all := settings{}
	for k, v := range s.Configs {
		all[k] = v
	}
	if s.AnyTime {
		all[newestTime] = strconv.FormatInt(math.MaxInt64, 10)
	}
	return all
}

// loses says what is wrong with a clean-up policy where another is wanted, or "".
func loses(have, want string) string {
	has := func(list, one string) bool { return slices.Contains(strings.Split(list, ","), one) }
	switch {
	case want == "" || have == "":
		return ""
	case has(have, "compact") && !has(want, "compact"):
		return "drops records of one key that are not read yet"
	case has(have, "delete") && !has(want, "delete"):
		return "deletes rows by their age or number"
	}
	return ""
}

// below gives the limits of have that are lower than wanted, as they should be. A limit of -1 is none.
func (have settings) below(want settings) settings {
	low := settings{}
	for _, name := range limits {
		wanted, asked := want[name]
		is, err := strconv.ParseInt(have[name], 10, 64)
		if !asked || err != nil || is == -1 {
			continue
		}
		if w, err := strconv.ParseInt(wanted, 10, 64); err == nil && (w == -1 || is < w) {
			low[name] = wanted
		}
	}
	return low
}

// settingsOf is describeConfigs that waits for topics that were made just now.
func (c *Client) settingsOf(ctx context.Context, topics []string, names ...string) (map[string]settings, error) {
	var found map[string]settings
	err := c.retryIf(ctx, "settings of topics", notYet, func(ctx context.Context) (err error) {
		found, err = c.describeConfigs(ctx, topics, names...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("settings of topics: %w", err)
	}
	return found, nil
}

// describeConfigs asks one broker for the named settings of topics. Topics that we may not ask about are left out.
func (c *Client) describeConfigs(ctx context.Context, topics []string, names ...string) (map[string]settings, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	req := &sarama.DescribeConfigsRequest{Version: 4}
	for _, topic := range topics {
		req.Resources = append(req.Resources, &sarama.ConfigResource{
			Type: sarama.TopicResource, Name: topic, ConfigNames: names,
		})
	}
	b, err := c.controllerConn(ctx)
	if err != nil {
		return nil, err
	}
	res, err := call(ctx, b, b.DescribeConfigs, req)
	if err != nil {
		return nil, err
	}
	found := map[string]settings{}
	for _, r := range res.Resources {
		switch err := configError(r.ErrorCode, r.ErrorMsg); {
		case errors.Is(err, ErrUnauthorized):
			c.log.Debug("the settings of a topic may not be seen, and are not checked", "topic", r.Name)
		case err != nil:
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		default:
			found[r.Name] = settings{}
			for _, e := range r.Configs {
				found[r.Name][e.Name] = e.Value
			}
		}
	}
	return found, nil
}

// raiseConfigs sets what is given.
func (c *Client) raiseConfigs(ctx context.Context, raise map[string]settings) error {
	req := &sarama.IncrementalAlterConfigsRequest{Version: 1}
	for topic, low := range raise {
		entries := map[string]sarama.IncrementalAlterConfigsEntry{}
		for name, value := range low {
			entries[name] = sarama.IncrementalAlterConfigsEntry{
				Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value,
			}
		}
		req.Resources = append(req.Resources, &sarama.IncrementalAlterConfigsResource{
			Type: sarama.TopicResource, Name: topic, ConfigEntries: entries,
		})
	}
	b, err := c.controllerConn(ctx)
	if err != nil {
		return err
	}
	res, err := call(ctx, b, b.IncrementalAlterConfigs, req)
	if err != nil {
		return err
	}
	for _, r := range res.Resources {
		if err := configError(r.ErrorCode, r.ErrorMsg); err != nil {
			if errors.Is(err, sarama.ErrNotController) {
				c.forgetController()
			}
			return fmt.Errorf("%s: raise %v: %w", r.Name, raise[r.Name], err)
		}
		c.log.Info("settings of a topic were too low and are raised", "topic", r.Name, "settings", raise[r.Name])
	}
	return nil
}

func configError(code int16, text string) error {
	err := classify(sarama.KError(code))
	if err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return err
}
