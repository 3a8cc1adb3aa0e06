// One working session through the official client, unchanged: sign-in, reading, writing, row changes, presence,
// broadcast, a private channel, sign-out. Prints a line for each step that held; ends with 1 at the first that didn't.
//
// SUPABASE_URL and SUPABASE_ANON_KEY say where. Node before 22 has no WebSocket of its own, so one is passed in.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import ws from 'ws';

const PASSWORD = 'bedside-demo';
const PATIENCE_MS = 10_000;

const open = () =>
  createClient(process.env.SUPABASE_URL, process.env.SUPABASE_ANON_KEY, {
    auth: { persistSession: false },
    realtime: { transport: ws },
  });

const ok = ({ data, error }) => {
  assert.equal(error, null, JSON.stringify(error));
  return data;
};

/** A queue: what comes is kept until somebody waits for it. */
const inbox = (name) => {
  const came = [];
  let waiting = null;
  return {
    put(item) {
      came.push(item);
      waiting?.();
    },
    async next(wanted = () => true) {
      const deadline = Date.now() + PATIENCE_MS;
      for (;;) {
        const at = came.findIndex(wanted);
        if (at >= 0) return came.splice(at, 1)[0];
        assert.ok(Date.now() < deadline, `${name}: nothing came in time; had ${JSON.stringify(came)}`);
        await new Promise((resolve) => {
          waiting = resolve;
          setTimeout(resolve, 200);
        });
      }
    },
  };
};

/** Subscribes; for row changes, until the server says that they flow. */
const subscribed = async (channel, rows = false) => {
  const statuses = inbox(channel.topic);
  if (rows) channel.on('system', {}, (message) => statuses.put(message));
  channel.subscribe((status, error) => statuses.put({ status, error: error?.message }));
  const first = await statuses.next((item) => typeof item.status === 'string' && item.status !== 'ok');
  if (first.status === 'SUBSCRIBED' && rows) {
    const system = await statuses.next((item) => item.extension === 'postgres_changes');
    assert.equal(system.status, 'ok', system.message);
  }
  return first;
};

const step = async (name, run) => {
  const result = await run();
  console.log(`ok ${name}`);
  return result;
};

const [one, two] = [open(), open()];

const me = await step('sign-in', async () => {
  const refused = await one.auth.signInWithPassword({ email: 'clinician.one@bedside.test', password: 'wrong' });
  assert.equal(refused.error?.code, 'invalid_credentials');
  const { user } = ok(await one.auth.signInWithPassword({ email: 'clinician.one@bedside.test', password: PASSWORD }));
  ok(await two.auth.signInWithPassword({ email: 'clinician.two@bedside.test', password: PASSWORD }));
  return user;
});

const other = await step('select', async () => {
  const own = ok(await one.from('profiles').select('id, email, role').eq('id', me.id).single());
  assert.equal(own.role, 'clinician');
  return ok(await one.from('profiles').select('id').eq('email', 'clinician.two@bedside.test').single());
});

const changes = inbox('changes of clinician one');
const seenByTwo = inbox('changes of clinician two');
await step('postgres_changes: subscribe', async () => {
  for (const [client, to] of [[one, changes], [two, seenByTwo]]) {
    const channel = client
      .channel('patients')
      .on('postgres_changes', { event: '*', schema: 'public', table: 'patients' }, (change) => to.put(change));
    assert.equal((await subscribed(channel, true)).status, 'SUBSCRIBED');
  }
});

const patient = await step('insert and its event', async () => {
  const row = {
    id: randomUUID(),
    mrn: `JS-${Date.now()}`,
    first_name: 'Test',
    last_name: 'Person',
    date_of_birth: '1980-02-29',
    ward: 'Surgery',
    clinician_id: me.id,
  };
  const stored = ok(await one.from('patients').insert(row).select().single());
  assert.equal(stored.version, 1);
  const change = await changes.next((c) => c.eventType === 'INSERT');
  assert.equal(change.new.id, row.id);
  assert.equal(change.new.date_of_birth, '1980-02-29');
  return stored;
});

await step('update and its event', async () => {
  const stored = ok(
    await one.from('patients').update({ status: 'admitted' }).eq('id', patient.id).eq('version', 1).select().single(),
  );
  assert.equal(stored.version, 2);
  const change = await changes.next((c) => c.eventType === 'UPDATE');
  assert.deepEqual([change.old, change.new.status], [{ id: patient.id }, 'admitted']);
});

await step('presence', async () => {
  const presence = inbox('presence');
  const room = (client, key) => client.channel('room', { config: { presence: { key } } });
  const mine = room(one, 'one');
  mine.on('presence', { event: 'sync' }, () => presence.put(Object.keys(mine.presenceState()).sort().join()));
  assert.equal((await subscribed(mine)).status, 'SUBSCRIBED');
  assert.equal(await mine.track({ page: 'patients' }), 'ok');
  await presence.next((keys) => keys === 'one');
  const theirs = room(two, 'two').on('presence', { event: 'sync' }, () => {});
  assert.equal((await subscribed(theirs)).status, 'SUBSCRIBED');
  assert.equal(await theirs.track({ page: 'forms' }), 'ok');
  await presence.next((keys) => keys === 'one,two');
  assert.equal(await theirs.untrack(), 'ok');
  await presence.next((keys) => keys === 'one');
  await two.removeChannel(theirs);
  await one.removeChannel(mine);
});

await step('broadcast', async () => {
  const heard = inbox('broadcast');
  const config = { config: { broadcast: { ack: true, self: false } } };
  const sender = one.channel('cursors', config);
  const receiver = two.channel('cursors', config).on('broadcast', { event: 'move' }, ({ payload }) => heard.put(payload));
  assert.equal((await subscribed(sender)).status, 'SUBSCRIBED');
  assert.equal((await subscribed(receiver)).status, 'SUBSCRIBED');
  assert.equal(await sender.send({ type: 'broadcast', event: 'move', payload: { x: 1.5 } }), 'ok');
  assert.deepEqual(await heard.next(), { x: 1.5 });
  const answer = await sender.httpSend('move', { x: 2 });
  assert.equal(answer.success, true, JSON.stringify(answer));
  assert.deepEqual(await heard.next(), { x: 2 });
});

await step('private channel', async () => {
  const notices = inbox('notices');
  const topic = `user:${me.id}`;
  const mine = one
    .channel(topic, { config: { private: true } })
    .on('broadcast', { event: 'access_revoked' }, ({ payload }) => notices.put(payload));
  assert.equal((await subscribed(mine)).status, 'SUBSCRIBED');
  const foreign = await subscribed(two.channel(topic, { config: { private: true } }));
  assert.equal(foreign.status, 'CHANNEL_ERROR');
  assert.match(foreign.error, /Unauthorized/);
  const hand = { patient: patient.id, new_clinician: other.id, expected_version: 2 };
  assert.equal(ok(await one.rpc('hand_over_patient', hand)), 3);
  const notice = await notices.next();
  assert.deepEqual([notice.table, notice.id], ['patients', patient.id]);
  const change = await seenByTwo.next((c) => c.new?.id === patient.id);
  assert.equal(change.eventType, 'UPDATE');
});

await step('sign-out', async () => {
  await one.removeAllChannels();
  await two.removeAllChannels();
  assert.equal((await one.auth.signOut()).error, null);
  assert.equal((await one.auth.getSession()).data.session, null);
  const { data } = await one.from('patients').select('id').eq('id', patient.id);
  assert.deepEqual(data ?? [], []);
  assert.equal((await two.auth.signOut()).error, null);
});

console.log('done');
process.exit(0);
