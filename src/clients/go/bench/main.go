// Command bench measures the client against a running daemon and prints one line of JSON. Events of 100 bytes go to one
// topic: published by one call each, by the batch call, and received from another process.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"time"

	nexusd "github.com/nexusd/client-go"
)

const (
	topic        = "bench/go"
	payloadBytes = 100
	eventsInCall = 256
	warmUp       = 500 * time.Millisecond
)

func main() {
	address := flag.String("addr", "", "daemon; default: as every client")
	seconds := flag.Float64("seconds", 3, "time of each measurement")
	publish := flag.Bool("publish", false, "only publish until the input ends (used by the measurement of receiving)")
	flag.Parse()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := nexusd.NewClient(*address, nexusd.WithName("bench-go"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ready, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := client.WaitReady(ready); err != nil {
		log.Fatal(err)
	}
	if *publish {
		publishForOther(ctx, client)
		return
	}
	duration := time.Duration(*seconds * float64(time.Second))
	result := map[string]any{
		"language":                "go",
		"publish_per_second":      measure(ctx, client, duration, publishOnes),
		"publish_many_per_second": measure(ctx, client, duration, publishBatches),
		"receive_per_second":      receive(ctx, client, *address, duration),
	}
	line, err := json.Marshal(result)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}

// measure publishes for the time and counts what the daemon took of it, the flush included.
func measure(
	ctx context.Context, client *nexusd.Client, duration time.Duration,
	publish func(context.Context, *nexusd.Client, time.Time) int,
) int {
	publish(ctx, client, time.Now().Add(warmUp))
	must(client.Flush(ctx))
	start := time.Now()
	events := publish(ctx, client, start.Add(duration))
	must(client.Flush(ctx))
	return int(float64(events) / time.Since(start).Seconds())
}

func publishOnes(ctx context.Context, client *nexusd.Client, end time.Time) int {
	payload := make([]byte, payloadBytes)
	events := 0
	for time.Now().Before(end) {
		for i := 0; i < eventsInCall; i++ {
			must(client.Publish(ctx, &nexusd.PublishRequest{Topic: topic, Payload: payload}))
		}
		events += eventsInCall
	}
	return events
}

func publishBatches(ctx context.Context, client *nexusd.Client, end time.Time) int {
	payloads := make([][]byte, eventsInCall)
	for i := range payloads {
		payloads[i] = make([]byte, payloadBytes)
	}
	events := 0
	for time.Now().Before(end) {
		taken, err := client.PublishMany(ctx, topic, payloads)
		events += taken
		if ctx.Err() != nil {
			break
		}
		must(err)
	}
	return events
}

// receive counts what comes while a second process publishes; the daemon holds that one up where it is ahead.
func receive(ctx context.Context, client *nexusd.Client, address string, duration time.Duration) int {
	sub, err := client.Subscribe(ctx, []string{topic}, nexusd.WithOverflow(nexusd.OverflowBlock))
	must(err)
	must(sub.Ready(ctx))
	other := exec.CommandContext(ctx, os.Args[0], "-publish", "-addr="+address)
	other.Stderr = os.Stderr
	input, err := other.StdinPipe()
	must(err)
	must(other.Start())
	count := func(limit time.Duration) (events int, took float64) {
		start := time.Now()
		for time.Since(start) < limit {
			batch, err := sub.NextBatch(ctx)
			must(err)
			for i := range batch {
				if len(batch[i].Payload) != payloadBytes {
					log.Fatal("a payload of " + strconv.Itoa(len(batch[i].Payload)) + " bytes came")
				}
			}
			events += len(batch)
		}
		return events, time.Since(start).Seconds()
	}
	count(warmUp)
	events, took := count(duration)
	must(input.Close())
	must(sub.Close())
	_ = other.Wait()
	return int(float64(events) / took)
}

// publishForOther publishes until whoever started this program closes its input.
func publishForOther(ctx context.Context, client *nexusd.Client) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	for ctx.Err() == nil {
		publishBatches(ctx, client, time.Now().Add(50*time.Millisecond))
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
