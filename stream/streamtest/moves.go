// SPDX-License-Identifier: Apache-2.0

package streamtest

// Restart stops the program as SIGTERM would, everything committed and written to the database, and starts it again.
func (d *Driver) Restart() {
	d.tb.Helper()
	d.stop()
	d.start()
}

// RestartEmpty is Restart on a machine that has lost its state directory: everything is restored from the changelogs.
// Stores without one begin empty.
func (d *Driver) RestartEmpty() {
	d.tb.Helper()
	d.stop()
	for _, p := range d.processes {
		if err := d.erase(p); err != nil {
			d.tb.Fatal(err)
		}
		d.boot(p)
	}
	d.start()
}

// stop ends all processes in peace.
func (d *Driver) stop() {
	d.tb.Helper()
	d.settle()
	for _, t := range d.tasks {
		if err := d.writeBehind(t, 0); err != nil {
			d.tb.Fatal(err)
		}
	}
	d.close()
	for _, p := range d.processes {
		if err := d.flush(p); err != nil {
			d.tb.Fatal(err)
		}
		d.boot(p)
	}
}

// Crash processes what was sent, commits up to the given moment, kills the program there, and starts it again from
// what a crash leaves: the committed topics, and what the database had flushed to disk: at AfterApply everything, else
// what it had at its last checkpoint (Options.CheckpointInterval), Restart or such crash. What the crash took back is
// processed again with the next record, or before the next Read.
func (d *Driver) Crash(at Step) {
	d.tb.Helper()
	if int(at) >= Steps {
		d.tb.Fatalf("crash at step %d: there are %d, see streamtest.Steps", at, Steps)
	}
	err := d.pumpUntil(func() bool { return d.turns.IntN(2) == 0 })
	if err == nil {
		err = d.commit(at)
	}
	if err != nil && !d.retry(err) {
		return
	}
	d.close()
	for _, p := range d.processes {
		if at == AfterApply {
			if err := d.flush(p); err != nil {
				d.tb.Fatal(err)
			}
		}
		d.kill(p)
	}
	d.start()
}

// maxProcesses is how many processes tasks move between: with three a task may come back over another one.
const maxProcesses = 3

// Rebalance moves some of the tasks, at least one, to other processes, as when a member joins or leaves the group: what
// was sent is processed and committed, the tasks are closed, and opened with the database of the process that they go
// to. There they find what they left when they were there before, and roll forward from it. Options.Seed decides which
// tasks go where, and which had the time to write to the database that they leave. The others work on untouched.
func (d *Driver) Rebalance() {
	d.tb.Helper()
	err := d.pumpUntil(func() bool { return d.turns.IntN(2) == 0 })
	if err == nil {
		err = d.commit(AfterApply)
	}
	if err != nil && !d.retry(err) || len(d.tasks) == 0 {
		return
	}
	for len(d.processes) < maxProcesses {
		d.join(nil)
	}
	always := d.moves.IntN(len(d.tasks))
	for i := range d.tasks {
		if written, goes := d.moves.IntN(2) == 0, d.moves.IntN(2) == 0; goes || i == always {
			d.move(i, written)
		}
	}
}

// move hands task i over to another process.
func (d *Driver) move(i int, written bool) {
	d.tb.Helper()
	id := d.tasks[i].ID
	if written {
		if err := d.writeBehind(d.tasks[i], 0); err != nil {
			d.tb.Fatal(err)
		}
	}
	d.tasks[i].Close()
	d.home[id] = (d.home[id] + 1 + d.moves.IntN(maxProcesses-1)) % maxProcesses
	t, err := d.open(id, d.processes[d.home[id]])
	if err != nil {
		d.tb.Fatal(err)
	}
	d.tasks[i] = t
}
