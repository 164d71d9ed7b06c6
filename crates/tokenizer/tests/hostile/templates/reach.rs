//! Reaching for what is not of the conversation: files, the engine, Python's insides.

use super::{TemplateCase, refused, usable};

pub(super) fn cases() -> Vec<TemplateCase> {
    let mut cases = Vec::new();
    for source in [
        "{% include '/etc/passwd' %}",
        "{% include 'chat_template' %}",
        "{% import 'os' as os %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{% do messages.append(1) %}",
        "{% debug %}",
        "{% trans %}x{% endtrans %}",
        "{% autoescape true %}x{% endautoescape %}",
        "{{ self._TemplateReference__context }}",
        "{{ debug() }}",
        "{{ lipsum() }}",
        "{{ cycler('a').next() }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({}) }}",
        "{{ messages[0].pop('role') }}",
        "{{ messages[0].clear() }}",
        "{{ messages[0].setdefault('a', 1) }}",
        "{{ ''.format_map({}) }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ '{0[a]}'.format({'a': 1}) }}",
        "{{ '%(a)s' | format(messages) }}",
        "{{ messages.__class__.__base__.__subclasses__() }}",
        "{{ ''.__class__.mro() }}",
        "{{ cycler.__init__.__globals__.os.popen('id') }}",
        "{{ range.__globals__['os'] }}",
        "{{ namespace.__init__.__globals__.x }}",
        "{{ messages | attr('__class__') }}",
        "{{ messages | pprint }}",
        "{{ messages | map('attr', '__class__') | list }}",
        "{{ open('/etc/passwd').read() }}",
        "{{ eval('1') }}",
        "{{ __import__('os') }}",
        "{{ get_flashed_messages() }}",
        "{{ url_for.__globals__.x }}",
        "{{ caller() }}",
        "{{ super() }}",
        "{{ loop(messages) }}",
        "{{ loop.index.x.y }}",
        "{% block a %}{{ self.a() }}{% endblock %}",
        "{{ __jikji_generation() }}",
        "{{ messages() }}",
        "{{ none() }}",
        "{{ 1() }}",
        "{{ undefined_thing.a.b }}",
        "{{ messages | unheard_of }}",
        "{{ messages is unheard_of }}",
        "{{ messages.unheard_of() }}",
        "{% unheard_of %}",
        "{{ raise_exception(range) }}",
    ] {
        cases.push(refused(source, "line `1`"));
    }
    for source in [
        "{{ raise_exception('no') }}",
        "{{ raise_exception(messages) }}",
    ] {
        cases.push(refused(source, "refuses this conversation"));
    }
    for source in [
        "{{ ''.__class__ }}",
        "{{ config }}{{ request }}{{ env }}{{ os }}",
        "{{ range.__globals__ }}",
        "{{ self }}",
        "{{ messages.__class__ }}",
        "{{ messages[0].__dict__ }}",
        "{{ messages[99] }}",
        "{{ messages[-99] }}",
    ] {
        cases.push(usable(source));
    }
    cases
}
