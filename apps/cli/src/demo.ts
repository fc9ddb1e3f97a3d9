import { type Command, Option } from 'commander';

const faults = ['latency', 'errors', 'leak'] as const;

/** `vigil demo break|heal|status`: talks to the demo shop of a running Vigil. */
export function addDemoVerbs(program: Command, urlOption: Option): void {
  const demo = program.command('demo').description('break and heal the demo shop of a running Vigil');
  demo
    .command('break')
    .description('break a service and watch Vigil heal it')
    .argument('[service]', 'which one', 'checkout')
    .addOption(
      new Option('--fault <fault>', 'latency: all replicas slow; errors, leak: one replica is bad')
        .choices(faults)
        .default('latency'),
    )
    .addOption(urlOption)
    .action((service: string, { fault, url }: { fault: string; url: string }) =>
      call(url, 'POST', '/fault', JSON.stringify({ service, fault })),
    );
  demo
    .command('heal')
    .description('end the fault and return to the usual replicas')
    .argument('[service]', 'which one', 'checkout')
    .addOption(urlOption)
    .action((_service: string, { url }: { url: string }) => call(url, 'DELETE', '/fault'));
  demo
    .command('status')
    .description('what is broken, and how many replicas run')
    .addOption(urlOption)
    .action(({ url }: { url: string }) => call(url, 'GET', ''));
}

async function call(url: string, method: string, path: string, body?: string): Promise<void> {
  try {
    const answer = await fetch(new URL(`/api/v1/demo${path}`, url), {
      method,
      signal: AbortSignal.timeout(30_000),
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    if (answer.ok) {
      const { words } = JSON.parse(text) as { words?: string };
      console.log(words ?? text);
      return;
    }
    const { detail } = JSON.parse(text) as { detail?: string };
    const hint = answer.status === 404 ? '; is the demo on? (VIGIL_DEMO=on, or no VIGIL_SLOS)' : '';
    console.error(`vigil: ${detail ?? text}${hint}`);
  } catch (error) {
    console.error(
      `vigil: nothing answers at ${url} (${(error as Error).message}); start it by npm start, or name it by --url`,
    );
  }
  process.exitCode = 1;
}
