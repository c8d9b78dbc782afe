// SPDX-License-Identifier: Apache-2.0

// Command kafka runs a real Kafka on this machine for a person who tries something out:
//
//	go run ./internal/kafkatest/cmd/kafka [-brokers 1|3] [-port 9092]
//	go run ./internal/kafkatest/cmd/kafka -download
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

func main() {
	var opts kafkatest.Options
	flag.IntVar(&opts.Brokers, "brokers", 1, "how many brokers: 1 or 3")
	flag.IntVar(&opts.Port, "port", 9092, "the first broker's port; 0: a free one")
	download := flag.Bool("download", false, "only bring Kafka onto this machine, and say where it is")
	flag.Parse()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *download {
		dir, err := kafkatest.Download(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(dir)
		return
	}
	if err := run(ctx, opts); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, opts kafkatest.Options) error {
	fmt.Fprintln(os.Stderr, "starting Kafka (the first time on a machine it is downloaded) ...")
	c, err := kafkatest.Launch(ctx, opts)
	if err != nil {
		return err
	}
	fmt.Printf("Kafka is ready at %s\n", strings.Join(c.Addrs(), ","))
	fmt.Printf("data and logs: %s\nstop it with ^C or: kill %d\n", c.Dir(), os.Getpid())
	<-ctx.Done()
	fmt.Fprintln(os.Stderr, "stopping ...")
	return c.Close()
}
