// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// The engine "irmak": a topology per workload, as a user would write it.
func init() {
	register("irmak", "pass", irmakPass)
	register("irmak", "count", irmakCount)
	register("irmak", "countcommit", irmakCountCommit)
	register("irmak", "window", irmakWindow)
	register("irmak", "rekey", irmakRekey)
}

func irmakPass(ctx context.Context, j job) error {
	t, in := irmakInput(j)
	stream.To(in, outputOf(j, codec.Bytes))
	return irmakRun(ctx, j, t, j.Records)
}

func irmakCount(ctx context.Context, j job) error {
	t, in := irmakInput(j)
	counts := operators.Aggregate("counts", in, operators.Count[[]byte]())
	stream.To(operators.ToStream(counts), outputOf(j, codec.JavaLong))
	return irmakRun(ctx, j, t, j.Records)
}

func irmakCountCommit(ctx context.Context, j job) error {
	t, in := irmakInput(j)
	counts := operators.Aggregate("counts", in, operators.Count[[]byte]())
	stream.To(operators.PerCommit(counts), outputOf(j, codec.JavaLong))
	return irmakRun(ctx, j, t, j.Records)
}

func irmakWindow(ctx context.Context, j job) error {
	t, in := irmakInput(j)
	sums := operators.AggregateWindows("sums", in, window.Tumbling{Size: windowSize}, operators.Sum(amount))
	stream.To(sums.Out, outputOf[window.Pane[int64]](j, paneCodec{}))
	return irmakRun(ctx, j, t, j.Records)
}

func irmakRekey(ctx context.Context, j job) error {
	t, in := irmakInput(j)
	d := data{keys: j.Keys}
	anew := operators.KeyBy("anew", in, codec.String, func(v []byte) string {
		var key [keyBytes]byte
		return string(appendKey(key[:0], d.newKey(amount(v))))
	})
	counts := operators.Aggregate("counts", anew, operators.Count[[]byte]())
	stream.To(operators.ToStream(counts), outputOf(j, codec.JavaLong))
	return irmakRun(ctx, j, t, 2*j.Records) // each is read twice: before and behind the repartition topic
}

func irmakInput(j job) (*stream.Topology, stream.Stream[string, []byte]) {
	t := stream.New(j.Group)
	return t, stream.From(t, stream.Topic[string, []byte]{Name: j.Input, Key: codec.String, Value: codec.Bytes})
}

func outputOf[V any](j job, values codec.Codec[V]) stream.Topic[string, V] {
	return stream.Topic[string, V]{Name: j.Output, Key: codec.String, Value: values}
}

// amount reads a value of the input, which the benchmark itself has written.
func amount(value []byte) int64 {
	n, err := amountOf(value)
	if err != nil {
		panic(err)
	}
	return n
}

// irmakRun runs the topology until it has read so many records.
func irmakRun(ctx context.Context, j job, t *stream.Topology, reads int64) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return stream.Run(ctx, t, stream.Config{
		Brokers: j.Brokers, StateDir: j.StateDir, Workers: j.Workers, CommitInterval: j.CommitInterval,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		OnRecords: func(total uint64) {
			if int64(total) >= reads {
				stop()
			}
		},
	})
}

// paneCodec writes a window's start and sum, which is all that the benchmark looks at.
type paneCodec struct{}

func (paneCodec) Append(dst []byte, p window.Pane[int64]) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Span.Start))
	return binary.BigEndian.AppendUint64(dst, uint64(p.Value)), nil
}

func (paneCodec) Decode(src []byte) (p window.Pane[int64], err error) {
	if len(src) != 16 {
		return p, fmt.Errorf("a pane of %d bytes, want 16", len(src))
	}
	p.Span.Start = int64(binary.BigEndian.Uint64(src))
	p.Span.End = p.Span.Start + windowSize.Milliseconds()
	p.Value = int64(binary.BigEndian.Uint64(src[8:]))
	return p, nil
}
