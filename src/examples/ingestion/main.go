// Command ingestion takes sensor readings over HTTP and publishes each to the mesh, through the daemon beside it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nexusd/client-go"
)

const (
	largestReading = 64 << 10
	shutdownTime   = 5 * time.Second
)

// SensorData is a reading as sensors post it.
type SensorData struct {
	SensorID  string  `json:"sensor_id"`
	Type      string  `json:"type"`
	Value     float64 `json:"value"`
	Timestamp int64   `json:"timestamp"`
	Location  string  `json:"location"`
	// Where the sensor stands, if that is a signalled crossing: the detector hands it on to the signal control.
	Intersection string `json:"intersection,omitempty"`
}

func main() {
	listen := flag.String("listen", ":8080", "address of the HTTP endpoint; port 0: any free one, which is printed")
	flag.Parse()

	// No address: NEXUSD_ADDR counts, else the daemon on this host.
	client, err := nexusd.NewClient("", nexusd.WithName("ingestion"), nexusd.OnPublishLoss(func(l nexusd.PublishLoss) {
		log.Printf("%d readings were dropped at %s: %s", l.Count, l.Node, l.Reason)
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: routes(client), ReadHeaderTimeout: 5 * time.Second}
	stopped, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-stopped.Done()
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	log.Printf("Ingestion service listening on %s, publishing through nexusd at %s", listener.Addr(), client.Address())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Print(err)
	}
}

func routes(client *nexusd.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ingest", func(w http.ResponseWriter, r *http.Request) {
		var data SensorData
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestReading)).Decode(&data); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		publish(w, r, client, &data)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if client.State() == nexusd.StateReconnecting {
			http.Error(w, "nexusd is not reached; readings are buffered", http.StatusServiceUnavailable)
		}
	})
	return mux
}

// publish is fire-and-forget: the reading is in the buffer of the client when the sensor gets its answer.
func publish(w http.ResponseWriter, r *http.Request, client *nexusd.Client, data *SensorData) {
	payload, err := json.Marshal(data)
	if err == nil {
		err = client.Publish(r.Context(), &nexusd.PublishRequest{
			Topic:       fmt.Sprintf("sensors/%s/%s/%s", data.Type, data.Location, data.SensorID),
			Payload:     payload,
			ContentType: "application/json",
		})
	}
	switch {
	case err == nil:
		w.WriteHeader(http.StatusOK)
	case errors.Is(err, nexusd.ErrPublish): // a name of the reading makes no topic
		http.Error(w, err.Error(), http.StatusBadRequest)
	case errors.Is(err, nexusd.ErrBufferFull):
		http.Error(w, "nexusd is away and the buffer is full; try again later", http.StatusServiceUnavailable)
	default:
		log.Printf("Publish failed: %v", err)
		http.Error(w, "Internal error", http.StatusInternalServerError)
	}
}
