import { Inject, Injectable, Logger } from '@nestjs/common';
import { Catalogue, type DocumentError, parseServices, type Service } from '@vigil/catalog';
import { Metrics, readDocumentFolder, SETTINGS, type Settings } from '@vigil/platform';

/** The services that VIGIL_CATALOGUE names, read at start. A bad document is told and leaves the others alone. */
@Injectable()
export class CatalogueService {
  readonly catalogue: Catalogue;

  constructor(@Inject(SETTINGS) { paths }: Settings, metrics: Metrics) {
    const logger = new Logger('catalogue');
    const { services, errors } = paths.catalogue === undefined ? { services: [], errors: [] } : read(paths.catalogue);
    for (const { file, line, path, message } of errors) logger.error(`${file}:${line}: ${path}: ${message}`);
    this.catalogue = new Catalogue(services);
    metrics.gauge('vigil_catalogue_document_errors', 'Errors in the catalogue read at start', [], (gauge) =>
      gauge.set(errors.length),
    );
  }
}

function read(path: string): { services: Service[]; errors: DocumentError[] } {
  const services: Service[] = [];
  const errors: DocumentError[] = [];
  for (const { text, file } of readDocumentFolder('VIGIL_CATALOGUE', path)) {
    const found = parseServices(text, file);
    errors.push(...found.errors);
    for (const service of found.services) {
      if (services.some(({ name }) => name === service.name)) {
        const message = `'${service.name}' is the name of a service in another file`;
        errors.push({ file, line: 1, path: 'metadata.name', message });
      } else services.push(service);
    }
  }
  return { services, errors };
}
