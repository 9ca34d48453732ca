// Takes analytics events over HTTP and publishes each to events/<its type>.
import { NexusdClient } from 'nexusd-client';
import { express } from './web.js';

const app = express();
app.use(express.json());
const client = new NexusdClient(process.env.NEXUSD_ADDR ?? 'localhost:5672');

interface AnalyticsEvent {
  event_type: 'pageview' | 'click' | 'conversion';
  user_id: string;
  session_id: string;
  page_url: string;
  timestamp: number;
  properties: Record<string, unknown>;
}

const types = new Set(['pageview', 'click', 'conversion']);

// Endpoint for the scripts in web pages to send events to.
app.post('/collect', async (req, res) => {
  const event = req.body as Partial<AnalyticsEvent> | undefined;
  // What becomes a topic is checked against a list: nobody outside invents topics.
  if (!event || !types.has(event.event_type ?? '') || !event.session_id) {
    return res.status(400).json({ error: 'Invalid event' });
  }
  try {
    await client.publish({
      topic: `events/${event.event_type}`,
      payload: Buffer.from(JSON.stringify(event)),
      contentType: 'application/json',
    });
    return res.status(202).json({ status: 'accepted' });
  } catch (error) {
    console.error('Publish failed:', error);
    return res.status(500).json({ error: 'Internal error' });
  }
});

const server = app.listen(Number(process.env.PORT ?? 8080), () => {
  const address = server.address();
  console.log(`Collector listening on :${typeof address === 'object' ? address?.port : address}`);
});

const stop = (): void => {
  server.close();
  void client.close();
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
