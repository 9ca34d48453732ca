package nexusd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nexusd/client-go"
)

type SensorData struct {
	SensorID  string  `json:"sensor_id"`
	Type      string  `json:"type"`
	Value     float64 `json:"value"`
	Timestamp int64   `json:"timestamp"`
	Location  string  `json:"location"`
}

// TestUseCaseAsWritten runs the snippet of the smart-city use case; only the listening is the test's.
func TestUseCaseAsWritten(t *testing.T) {
	// Connect to local NexusD sidecar
	client, err := nexusd.NewClient("localhost:5672")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	// HTTP endpoint for sensors to POST data
	handler := func(w http.ResponseWriter, r *http.Request) {
		var data SensorData
		if err := json.NewDecoder(r.Body).Decode(&data); err != nil {
			http.Error(w, err.Error(), 400)
			return
		}

		// Publish to topic based on sensor type and location
		topic := fmt.Sprintf("sensors/%s/%s/%s",
			data.Type, data.Location, data.SensorID)

		payload, _ := json.Marshal(data)

		// Fire-and-forget publish
		err := client.Publish(context.Background(), &nexusd.PublishRequest{
			Topic:   topic,
			Payload: payload,
		})

		if err != nil {
			log.Printf("Publish failed: %v", err)
			http.Error(w, "Internal error", 500)
			return
		}

		w.WriteHeader(200)
	}
	answer := httptest.NewRecorder()
	body := strings.NewReader(`{"sensor_id":"s-17","type":"traffic","location":"downtown","value":1}`)
	handler(answer, httptest.NewRequest(http.MethodPost, "/ingest", body))
	if answer.Code != 200 {
		t.Errorf("got %d: %s", answer.Code, answer.Body)
	}
	if got := client.Statistics().Published; got != 1 {
		t.Errorf("%d events were taken", got)
	}
}
