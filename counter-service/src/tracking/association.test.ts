import assert from 'node:assert/strict';
import { test } from 'node:test';
import { associate, type Candidate } from './association.ts';

const scores = { highScore: 0.4, lowScore: 0.2, newTrackScore: 0.5 };

function candidate(x: number, more: Partial<Candidate> = {}): Candidate {
  return { box: place(x), confirmed: true, unseenSeconds: 0.1, unsureSeconds: 0.1, ...more };
}

function place(x: number, height = 100) {
  return { left: x, top: 300 - height, right: x + 40, bottom: 300 };
}

function seen(x: number, score: number, height = 100) {
  return { ...place(x, height), score };
}

const cases: { sentence: string; track: Candidate; detection: ReturnType<typeof seen>; found: boolean }[] = [
  { sentence: 'a sure detection at the place', track: candidate(100), detection: seen(105, 0.8), found: true },
  { sentence: 'a weak detection at the place', track: candidate(100), detection: seen(102, 0.25), found: true },
  { sentence: 'a weak detection half beside the place', track: candidate(100), detection: seen(130, 0.25), found: false },
  { sentence: 'a score below the low score', track: candidate(100), detection: seen(100, 0.19), found: false },
  { sentence: 'a weak detection for a new track', track: candidate(100, { confirmed: false }), detection: seen(100, 0.3), found: false },
  {
    sentence: 'a weak detection long after the last sure one',
    track: candidate(100, { unsureSeconds: 1.2 }),
    detection: seen(100, 0.3),
    found: false,
  },
  {
    sentence: 'a weak detection where a person was lost a while ago',
    track: candidate(100, { unseenSeconds: 0.8 }),
    detection: seen(100, 0.3),
    found: false,
  },
  {
    sentence: 'a person beside the place after a second',
    track: candidate(100, { unseenSeconds: 1 }),
    detection: seen(170, 0.8),
    found: true,
  },
  { sentence: 'a person beside the place at once', track: candidate(100), detection: seen(170, 0.8), found: false },
  {
    sentence: 'a smaller person beside the place',
    track: candidate(100, { unseenSeconds: 1 }),
    detection: seen(170, 0.8, 60),
    found: false,
  },
  {
    sentence: 'a person beside the place, lost too long',
    track: candidate(100, { unseenSeconds: 1.6 }),
    detection: seen(170, 0.8),
    found: false,
  },
];

for (const { sentence, track, detection, found } of cases) {
  test(`${sentence} ${found ? 'is taken' : 'is left'}`, () => {
    assert.equal(associate([track], [detection], scores).get(track), found ? detection : undefined);
  });
}

test('a sure detection goes before a weak one that fits better', () => {
  const track = candidate(100);
  const sure = seen(110, 0.6);
  assert.equal(associate([track], [seen(100, 0.39), sure], scores).get(track), sure);
});

test('a confirmed track chooses before a new one', () => {
  const confirmed = candidate(110);
  const found = associate([candidate(100, { confirmed: false }), confirmed], [seen(100, 0.8)], scores);
  assert.deepEqual([...found.keys()], [confirmed]);
});
