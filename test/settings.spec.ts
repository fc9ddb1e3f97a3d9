import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseSettings, SettingError, settingsSchema } from '@vigil/platform';

describe(parseSettings.name, () => {
  it('needs nothing: loopback, embedded, demo', () => {
    expect(parseSettings({})).toMatchObject({
      listen: { host: '127.0.0.1', port: 4400 },
      dataDir: './.vigil',
      demo: true,
      kafka: undefined,
    });
  });

  it.each([
    { name: 'a port that is none', given: { VIGIL_LISTEN: '127.0.0.1:99999' }, says: /VIGIL_LISTEN: .*65535/ },
    { name: 'an address beyond loopback', given: { VIGIL_LISTEN: '0.0.0.0:4400' }, says: /VIGIL_LISTEN: .*loopback/ },
    { name: 'an unknown service', given: { VIGIL_TARGET: 'slo,foo' }, says: /VIGIL_TARGET: 'foo' .*ingest, slo/ },
    {
      name: 'a misspelt setting',
      given: { VIGIL_LISTN: '127.0.0.1:1' },
      says: /VIGIL_LISTN: is no setting; known: .*VIGIL_LISTEN/,
    },
    { name: 'Kafka without a database', given: { KAFKA_BROKERS: 'a:9092' }, says: /DATABASE_URL: must be set/ },
    {
      name: 'a source without a format',
      given: { VIGIL_SOURCES_KAFKA: 'a:9092|metrics' },
      says: /formats: otlp_proto/,
    },
    { name: 'a switch with another word', given: { VIGIL_DEMO: 'yes' }, says: /VIGIL_DEMO: must be auto, on or off/ },
  ])('names the setting and what is allowed: $name', ({ given, says }) => {
    expect(() => parseSettings(given)).toThrow(SettingError);
    expect(() => parseSettings(given)).toThrow(says);
  });

  it('reads topics and formats of a foreign Kafka', () => {
    expect(parseSettings({ VIGIL_SOURCES_KAFKA: 'a:1,b:2|m:otlp_proto,n:remote_write' }).kafkaSources).toEqual([
      { brokers: ['a:1', 'b:2'], topic: 'm', format: 'otlp_proto' },
      { brokers: ['a:1', 'b:2'], topic: 'n', format: 'remote_write' },
    ]);
  });

  it('are all told of in docs/settings.md, and no others', () => {
    const told = [...readFileSync('docs/settings.md', 'utf8').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    expect(told.sort()).toEqual(Object.keys(settingsSchema.shape).sort());
  });
});
