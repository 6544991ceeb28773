// Requests to the server that served this page. The session is in a cookie that no script can read; PLACEHOLDER says that it is meant.

const PLACEHOLDER = "Bearer teach.kept-in-a-cookie";
const SECONDS = 20;

export class Refused extends Error {
  constructor(status, wait) {
    super(String(status));
    this.status = status;
    this.wait = wait;
  }
}

/** No answer came: the connection is broken, or the server is down. */
export class Offline extends Error {}

/** The JSON of a reply; throws Refused or Offline. */
export async function ask(method, path, body, options = {}) {
  const headers = { Authorization: PLACEHOLDER };
  if (body !== undefined && !(body instanceof URLSearchParams)) headers["Content-Type"] = "application/json";
  const sent = body === undefined || body instanceof URLSearchParams ? body : JSON.stringify(body);
  let reply;
  try {
    reply = await fetch(`/api/v1${path}`, { method, headers, body: sent, signal: AbortSignal.timeout?.(SECONDS * 1000), ...options });
  } catch {
    throw new Offline();
  }
  if (reply.status >= 500) throw new Offline();
  if (!reply.ok) throw new Refused(reply.status, Number(reply.headers.get("Retry-After")) || 0);
  return reply.status === 204 ? null : reply.json();
}

export const me = () => ask("GET", "/me");
export const signIn = (username, password) => ask("POST", "/token", new URLSearchParams({ username, password }));
export const signOut = () => ask("DELETE", "/session");
export const datasets = async () => (await ask("GET", "/me/datasets")).items;
export const questions = async (dataset) => (await ask("GET", `/datasets/${dataset}/questions`)).items;
export const record = (id) => ask("GET", `/records/${id}`);
export const counts = async (dataset) => (await ask("GET", `/me/datasets/${dataset}/metrics`)).responses;

/**
 * Records of a dataset in this teacher's own order, by the statuses of the teacher's answers; {items, total}. Of those without an answer
 * ("pending") only such as want another teacher.
 */
export async function records(dataset, statuses, limit, offset = 0) {
  const filter = (entity) => ({ type: "terms", scope: { entity, property: "status" }, values: statuses });
  const body = { filters: { and: [filter("response"), ...(statuses.includes("pending") ? [filter("record")] : [])] } };
  const reply = await ask("POST", `/me/datasets/${dataset}/records/search?include=responses&limit=${limit}&offset=${offset}`, body);
  return { items: reply.items.map((item) => item.record), total: reply.total };
}

/** Save answers; a repeat changes nothing. Returns for each whether it was refused. */
export async function save(items, options) {
  const reply = await ask("POST", "/me/responses/bulk", { items }, options);
  return reply.items.map((item) => Boolean(item.error));
}
