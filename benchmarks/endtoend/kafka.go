// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/IBM/sarama"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

const (
	input          = "input"
	commitInterval = 100 * time.Millisecond
	readTimeout    = time.Minute // without a record while the output is read
)

// kafka is the broker that is measured on, and a client for what comes before and after.
type kafka struct {
	cluster *kafkatest.Cluster
	client  sarama.Client
}

// startKafka starts a broker with a heap and a compiler that do not stand in the way.
func startKafka(ctx context.Context) (*kafka, error) {
	cluster, err := kafkatest.Launch(ctx, kafkatest.Options{JVM: []string{"-Xms1g", "-Xmx1g"}})
	if err != nil {
		return nil, err
	}
	k, err := connect(cluster)
	if err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	return k, nil
}

func connect(cluster *kafkatest.Cluster) (*kafka, error) {
	conf := sarama.NewConfig()
	conf.Version = sarama.MaxVersion
	conf.Producer.Return.Successes = true
	conf.Producer.Partitioner = sarama.NewMurmur2Partitioner
	conf.Producer.Flush.Bytes = 256 << 10
	conf.Producer.Flush.Frequency = 10 * time.Millisecond
	conf.ChannelBufferSize = 4096
	conf.Consumer.IsolationLevel = sarama.ReadCommitted
	conf.Consumer.Return.Errors = true
	client, err := sarama.NewClient(cluster.Addrs(), conf)
	return &kafka{cluster: cluster, client: client}, err
}

// Close ends the broker and removes its data.
func (k *kafka) Close() error { return errors.Join(k.client.Close(), k.cluster.Close()) }

// writeInput makes the input topic and fills it.
func (k *kafka) writeInput(ctx context.Context, d data) error {
	if err := k.cluster.MakeTopic(ctx, kafkatest.Topic{Name: input, Partitions: partitions}); err != nil {
		return err
	}
	producer, err := sarama.NewAsyncProducerFromClient(k.client)
	if err != nil {
		return err
	}
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range producer.Successes() {
		}
	}()
	go func() {
		defer producer.AsyncClose()
		for i := range d.records {
			if ctx.Err() != nil {
				return
			}
			e := d.event(i)
			producer.Input() <- &sarama.ProducerMessage{
				Topic: input, Timestamp: time.UnixMilli(e.at),
				Key: sarama.ByteEncoder(appendKey(nil, e.key)), Value: sarama.ByteEncoder(appendValue(nil, e.amount)),
			}
		}
	}()
	for err := range producer.Errors() {
		failed = err
	}
	<-done
	return errors.Join(failed, ctx.Err())
}

// prepare makes the output topic and whatever else a job needs.
func (k *kafka) prepare(ctx context.Context, s settings, engine, workload string) (job, error) {
	name := engine + "-" + workload
	j := job{
		Engine: engine, Workload: workload, Brokers: k.cluster.Addrs(), Input: input, Output: name + "-output",
		Group: name, Records: s.data.records, Keys: s.data.keys, Workers: s.workers, CommitInterval: commitInterval,
	}
	if s.profiles != "" {
		j.Profile = filepath.Join(s.profiles, name+".cpu")
	}
	if err := k.cluster.MakeTopic(ctx, kafkatest.Topic{Name: j.Output, Partitions: partitions}); err != nil {
		return j, err
	}
	var err error
	j.StateDir, err = os.MkdirTemp("", "irmak-endtoend-")
	return j, err
}

// readOutput shows a checker all that read-committed readers see of a topic. A last record of our own in each
// partition, without a key, says where it ends: behind all that the engine's transactions wrote.
func (k *kafka) readOutput(ctx context.Context, topic string, check checker) error {
	conf := *k.client.Config()
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	producer, err := sarama.NewSyncProducer(k.cluster.Addrs(), &conf)
	if err != nil {
		return err
	}
	defer producer.Close()
	consumer, err := sarama.NewConsumerFromClient(k.client)
	if err != nil {
		return err
	}
	defer consumer.Close()
	for p := range int32(partitions) {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Partition: p}); err != nil {
			return err
		}
		if err := readPartition(ctx, consumer, topic, p, check); err != nil {
			return fmt.Errorf("%s/%d: %w", topic, p, err)
		}
	}
	return nil
}

func readPartition(ctx context.Context, consumer sarama.Consumer, topic string, p int32, check checker) error {
	records, err := consumer.ConsumePartition(topic, p, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	defer records.Close()
	silence := time.NewTimer(readTimeout)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-silence.C:
			return fmt.Errorf("nothing for %v: does a transaction hang?", readTimeout)
		case err := <-records.Errors():
			return err
		case m := <-records.Messages():
			if m.Key == nil {
				return nil
			}
			if err := check.record(m.Key, m.Value, m.Timestamp.UnixMilli()); err != nil {
				return fmt.Errorf("offset %d: %w", m.Offset, err)
			}
			silence.Reset(readTimeout)
		}
	}
}
