"""Models whose names are made to break a page: markup, quotes, directions of writing, names of JavaScript, and many."""

MARKUP = """<script>document.title = "broken"</script>"""
NAMES = [
    MARKUP,
    """"><img src=x onerror="document.title = 'broken'">""",
    "</script><!-- ' \" ` ${document.title} {{ 7 * 7 }} {% raw %}",
    "\u202etxet \u05e2\u05d1\u05e8\u05d9\u05ea",
    "__proto__",
    "constructor",
    "a/b~c,d",
]
# The last column has categories, which are such names too, and so are the classes.
PACK = """
import json
import sys
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from model.packing.pack import pack
names = json.loads(sys.argv[1])
rows = pd.DataFrame({name: [float((at * 7 + place) % 10) for at in range(60)] for place, name in enumerate(names)})
rows["kind"] = [names[at % len(names)] for at in range(60)]
encoder = ColumnTransformer([("kind", OneHotEncoder(), ["kind"])], remainder="passthrough")
labels = [names[at % 3] for at in range(60)]
model = make_pipeline(encoder, DecisionTreeClassifier(random_state=0)).fit(rows, labels)
pack(model, sys.argv[2], name="hostile", version="1", data=rows)
"""
FEATURES, CLASSES = 10_000, 500
PACK_LARGE = f"""
import sys
import pandas as pd
from sklearn.dummy import DummyClassifier
from model.packing.pack import pack
rows = pd.DataFrame({{f"<b>feature {{at}}</b>": [float(at % 7)] * {CLASSES} for at in range({FEATURES})}})
labels = [f"<i>class {{at}}</i>" for at in range({CLASSES})]
pack(DummyClassifier(strategy="prior").fit(rows, labels), sys.argv[1], name="large", version="1", data=rows[:8])
"""
