// As much of express as the collector uses, on node:http.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

const mostBytes = 100 * 1024;

export interface Request {
  // As in express itself: what came in is not known.
  body: any;
}

export class Response {
  private code = 200;

  constructor(private readonly response: ServerResponse) {}

  status(code: number): this {
    this.code = code;
    return this;
  }

  json(value: unknown): this {
    this.response.writeHead(this.code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    return this;
  }
}

export type Handler = (request: Request, response: Response) => unknown;
export type Middleware = { readonly parsesJson: true };

export interface Application {
  use(middleware: Middleware): void;
  post(path: string, handler: Handler): void;
  listen(port: number, listening: () => void): Server;
}

/** The body as JSON; undefined where it is too long or none. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > mostBytes) return undefined;
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    return undefined;
  }
}

function express(): Application {
  const posts = new Map<string, Handler>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const handler = request.method === 'POST' ? posts.get(request.url ?? '') : undefined;
    if (handler === undefined) new Response(response).status(404).json({ error: 'Not found' });
    else await handler({ body: (await readJson(request)) ?? {} }, new Response(response));
  };
  return {
    use: () => undefined,
    post: (path, handler) => void posts.set(path, handler),
    listen: (port, listening) => createServer((request, response) => {
      answer(request, response).catch((error: unknown) => {
        console.error(error);
        if (!response.headersSent) new Response(response).status(500).json({ error: 'Internal error' });
      });
    }).listen(port, listening),
  };
}

express.json = (): Middleware => ({ parsesJson: true });

export default express;
