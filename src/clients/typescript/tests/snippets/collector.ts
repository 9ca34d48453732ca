// TypeScript/Node.js collector service
import { NexusdClient } from 'nexusd-client';
import express from 'express';

const app = express();
const client = new NexusdClient('localhost:5672');

interface AnalyticsEvent {
  event_type: 'pageview' | 'click' | 'conversion';
  user_id: string;
  session_id: string;
  page_url: string;
  timestamp: number;
  properties: Record<string, any>;
}

// Endpoint for JavaScript SDK to send events
app.post('/collect', async (req, res) => {
  const event: AnalyticsEvent = req.body;

  // Validate event
  if (!event.event_type || !event.session_id) {
    return res.status(400).json({ error: 'Invalid event' });
  }

  // Publish to topic based on event type
  const topic = `events/${event.event_type}`;

  try {
    await client.publish({
      topic,
      payload: Buffer.from(JSON.stringify(event)),
    });

    res.status(202).json({ status: 'accepted' });
  } catch (error) {
    console.error('Publish failed:', error);
    res.status(500).json({ error: 'Internal error' });
  }
});

app.listen(8080, () => {
  console.log('Collector listening on :8080');
});
